// Passkeys, for forms that say by `data-passkey` what they want: `create` makes one, `get` has one answer.
// Challenge, ids and what comes back are base64url; what can go wrong stands in the page already, hidden.

const SAYS = { NotAllowedError: "cancelled", AbortError: "cancelled", InvalidStateError: "known" };
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
    pubKeyCredParams: [-7, -8, -257].map((alg) => ({ type, alg })), // ES256, EdDSA, RS256
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
  const { rawId, response: said } = await navigator.credentials.get({ publicKey });
  const { clientDataJSON: client_data, authenticatorData: authenticator_data, signature } = said;
  return { credential: rawId, client_data, authenticator_data, signature };
}

for (const form of document.querySelectorAll("[data-passkey]")) {
  const can = "PublicKeyCredential" in window;
  const say = (what) => form.querySelectorAll("[data-says]").forEach((each) => (each.hidden = each.dataset.says !== what));
  say(can ? "" : "missing");
  form.querySelector("[data-ask]").hidden = !can;
  let state = ""; // then `asks`, `filled`
  form.onsubmit = async (event) => {
    if (state === "filled") return;
    event.preventDefault();
    if (state || !can) return;
    state = "asks";
    say("");
    try {
      const found = await (form.dataset.passkey === "create" ? create : get)(form.dataset);
      for (const name in found) form.elements[name].value = text(found[name]);
      state = "filled";
      form.requestSubmit();
    } catch (error) {
      state = "";
      say(SAYS[error.name] ?? "failed");
    }
  };
}
