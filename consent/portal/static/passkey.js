// Passkeys, for forms that say by `data-passkey` what they want: `create` makes one, `get` has one answer.
// Challenge, ids and what comes back are base64url; what can go wrong stands in the page already, hidden.

const SAYS = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
const ALGORITHMS = [-7, -8, -257]; // ES256, EdDSA, RS256
const timeout = 240000; // ms; the gate forgets a challenge after five minutes
const userVerification = "required";
const type = "public-key";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (sign) => sign.charCodeAt(0));
const SIGNS = { "+": "-", "/": "_", "=": "" };
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/[+/=]/g, (sign) => SIGNS[sign]);
const listed = (keys) => (keys.match(/\S+/g) ?? []).map((id) => ({ type, id: bytes(id) }));

async function create({ challenge, site, user, name, keys }) {
  const publicKey = {
    challenge: bytes(challenge),
    rp: { id: site, name: site },
    user: { id: bytes(user), name, displayName: name },
    pubKeyCredParams: ALGORITHMS.map((alg) => ({ type, alg })),
    authenticatorSelection: { residentKey: "required", requireResidentKey: true, userVerification },
    excludeCredentials: listed(keys),
    attestation: "none",
    timeout,
  };
  const { response } = await navigator.credentials.create({ publicKey });
  return { client_data: response.clientDataJSON, attestation: response.attestationObject };
}

async function get({ challenge, site, keys }) {
  const publicKey = { challenge: bytes(challenge), rpId: site, allowCredentials: listed(keys), userVerification, timeout };
  const { rawId, response } = await navigator.credentials.get({ publicKey });
  const { clientDataJSON, authenticatorData, signature } = response;
  return { credential: rawId, client_data: clientDataJSON, authenticator_data: authenticatorData, signature };
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const can = "PublicKeyCredential" in window;
  const say = (what) => form.querySelectorAll("[data-says]").forEach((each) => (each.hidden = each.dataset.says !== what));
  say(can ? "" : "missing");
  form.querySelector("[data-ask]").hidden = !can;
  let asks = false;
  let filled = false;
  form.onsubmit = async (event) => {
    if (filled) return;
    event.preventDefault();
    if (asks || !can) return;
    asks = true;
    say("");
    try {
      const found = await (form.dataset.passkey === "create" ? create : get)(form.dataset);
      for (const name in found) form.elements[name].value = text(found[name]);
      filled = true;
      form.requestSubmit();
    } catch (error) {
      say(SAYS[error.name] ?? "failed");
    }
    asks = false;
  };
}

// the code of a letter stands behind # in its address, which no server gets; it does not stay there
const typed = document.querySelector("[data-from-address]");
const fill = () => {
  const code = /^#([\w-]{8,24})$/.exec(location.hash);
  if (!typed || !code) return;
  typed.value = code[1];
  history.replaceState(null, "", location.pathname + location.search);
};
onhashchange = fill;
fill();

for (const button of document.querySelectorAll("[data-print]")) {
  button.hidden = false;
  button.onclick = () => print();
}
