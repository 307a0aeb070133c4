// Checks the record in your browser.
//   1. signature   the checkpoint (the record's name, its size, one hash over all of it) is signed with the record's key
//   2. witnesses   others have signed that they saw the same
//   3. tree        the entries, as fetched just now, lead to that hash; on the page of one of them, that one does
//   4. growth      what you saw at your last visit (kept in this browser) is still how it begins
// Formats: C2SP (signed-note, tlog-checkpoint, tlog-tiles, cosignature/v1), RFC 6962.
// Whoever does not believe a page about itself runs verify.py.

const byId = (id) => document.getElementById(id);
const section = byId("browser");
const setup = JSON.parse(section.dataset.setup); // log, key, witnesses, entry, bundles, locale, zone, words
const [again, progress, verdict] = ["again", "progress", "verdict"].map(byId);
const KEPT = "sluice.check"; // in localStorage: of the last check that held
const WIDTH = 256; // hashes in a tile, entries in a bundle
const AHEAD = 4; // tiles fetched before they are needed

/** Something does not hold, or (`isOpen`) is not known; `key` and `gaps` make the sentence that says it. */
class Finding {
  constructor(key, gaps, isOpen) {
    Object.assign(this, { key, gaps, isOpen });
  }
}
const unknown = (key, gaps) => new Finding(key, gaps, true);

const say = (key, gaps) => setup.words[key].replace(/\{(\w+)\}/g, (_, name) => gaps[name].toLocaleString(setup.locale));
const when = (ms) => new Date(ms).toLocaleString(setup.locale, { dateStyle: "long", timeStyle: "short", timeZone: setup.zone });
const took = (since) => `${Math.ceil(performance.now() - since).toLocaleString(setup.locale)} ms`;

// --- SHA-256 (FIPS 180-4): the browser's own needs https, and is slow for many short texts

const primes = [];
for (let n = 2; primes.length < 64; n++) if (primes.every((prime) => n % prime)) primes.push(n);
const fraction = (root) => Math.floor((root - Math.floor(root)) * 2 ** 32);
const START = Uint32Array.from(primes.slice(0, 8), (prime) => fraction(Math.sqrt(prime)));
const ROUNDS = Uint32Array.from(primes, (prime) => fraction(Math.cbrt(prime)));
const words = new Uint32Array(64);
const turn = (word, by) => (word >>> by) | (word << (32 - by));

function sha256(...parts) {
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const padded = new Uint8Array(((length + 72) >> 6) << 6);
  let at = 0;
  for (const part of parts) padded.set(part, (at += part.length) - part.length);
  padded[length] = 0x80;
  const view = new DataView(padded.buffer);
  view.setUint32(padded.length - 4, 8 * length);
  const hash = START.slice();
  for (let block = 0; block < padded.length; block += 64) {
    let [a, b, c, d, e, f, g, h] = hash;
    for (let i = 0; i < 64; i++) {
      if (i < 16) words[i] = view.getUint32(block + 4 * i);
      else {
        const [x, y] = [words[i - 15], words[i - 2]];
        const first = turn(x, 7) ^ turn(x, 18) ^ (x >>> 3);
        words[i] = words[i - 16] + first + words[i - 7] + (turn(y, 17) ^ turn(y, 19) ^ (y >>> 10));
      }
      const one = h + (turn(e, 6) ^ turn(e, 11) ^ turn(e, 25)) + ((e & f) ^ (~e & g)) + ROUNDS[i] + words[i];
      const two = (turn(a, 2) ^ turn(a, 13) ^ turn(a, 22)) + ((a & b) ^ (a & c) ^ (b & c));
      (h = g), (g = f), (f = e), (e = (d + one) | 0), (d = c), (c = b), (b = a), (a = (one + two) | 0);
    }
    [a, b, c, d, e, f, g, h].forEach((value, i) => (hash[i] += value));
  }
  hash.forEach((value, i) => view.setUint32(4 * i, value));
  return padded.slice(0, 32);
}
const parent = (left, right) => sha256(Uint8Array.of(1), left, right);

const bytesOf = (text) => new TextEncoder().encode(text);
const same = (one, other) => one.length === other.length && one.every((byte, i) => byte === other[i]);
const toBase64 = (bytes) => btoa(String.fromCharCode(...bytes));
function fromBase64(text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  if (toBase64(bytes) !== text) throw new Error("not canonical");
  return bytes;
}

// --- Signatures

function parseKey(vkey) {
  const [, name, encoded] = /^([^+]+)\+[^+]+\+(.+)$/.exec(vkey);
  const data = fromBase64(encoded);
  return { name, id: sha256(bytesOf(`${name}\n`), data).slice(0, 4), key: data.slice(1) };
}

/** Text and signature lines of a note, unverified. */
function parseNote(bytes) {
  const note = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  const end = note.lastIndexOf("\n\n") + 1;
  const lines = note.slice(end + 1, -1).split("\n").map((line) => {
    const [, name, encoded] = /^— ([^+\s]+) (\S+)$/.exec(line);
    const data = fromBase64(encoded);
    return { name, id: data.slice(0, 4), signature: data.slice(4) };
  });
  return { text: note.slice(0, end), lines };
}
const lineOf = (note, who) => note.lines.find((line) => line.name === who.name && same(line.id, who.id));

async function isSigned(key, message, signature) {
  if (!globalThis.crypto?.subtle) throw unknown("signature.insecure");
  try {
    const imported = await crypto.subtle.importKey("raw", key, "Ed25519", false, ["verify"]);
    return await crypto.subtle.verify("Ed25519", imported, signature, bytesOf(message));
  } catch (error) {
    if (error.name === "NotSupportedError") throw unknown("signature.old");
    return false;
  }
}

// --- Files

let fetched = 0;
let reads = new Map(); // path → what is fetched

/** A file's bytes; null where the server says that there is none. */
async function get(path) {
  for (let tries = 1; tries < 9; tries++) {
    const answer = await fetch(setup.log + path, { cache: "no-cache" }).catch(() => null);
    if (answer?.ok) {
      fetched++;
      return new Uint8Array(await answer.arrayBuffer());
    }
    if (!answer) break;
    if (answer.status !== 429 && answer.status < 500) return null;
    await new Promise((resume) => setTimeout(resume, 1000 * (Number(answer.headers.get("retry-after")) || tries)));
  }
  throw unknown("unreachable", { file: path });
}

/** A tile (`kind` is its level) or a bundle (`entries`): `width` of what it holds counts. A partial one may have become full. */
function read(size, kind, index) {
  const width = Math.min(WIDTH, Math.floor(size / WIDTH ** (Number(kind) || 0)) - index * WIDTH);
  const number = String(index).padStart(3 * Math.ceil(String(index).length / 3), "0");
  const full = `tile/${kind}/${number.replace(/...(?=.)/g, "x$&/")}`;
  const path = width < WIDTH ? `${full}.p/${width}` : full;
  if (!reads.has(path)) {
    const reading = get(path).then(async (bytes) => {
      if (bytes) return { path, bytes, width, due: width };
      const instead = path === full ? null : await get(full);
      if (!instead) throw new Finding("missing", { file: path });
      return { path: full, bytes: instead, width, due: WIDTH };
    });
    reading.catch(() => {}); // who awaits it is told
    reads.set(path, reading);
    if (reads.size > 64) reads.delete(reads.keys().next().value);
  }
  return reads.get(path);
}

async function hashesOf(size, level, index) {
  const { path, bytes, width, due } = await read(size, level, index);
  if (bytes.length !== 32 * due) throw new Finding("tile", { file: path });
  return Array.from({ length: width }, (_, i) => bytes.slice(32 * i, 32 * i + 32));
}

async function entriesOf(size, index) {
  const { path, bytes, width, due } = await read(size, "entries", index);
  const entries = [];
  let at = 0;
  while (at < bytes.length) entries.push(bytes.slice(at + 2, (at += 2 + 256 * bytes[at] + bytes[at + 1])));
  if (at !== bytes.length || entries.length !== due) throw new Finding("tile", { file: path });
  return entries.slice(0, width);
}

// --- The tree. Roots come in pairs: over all entries, and over those that were there at the last visit (null: none).

function join([left, olderLeft], [right, olderRight]) {
  const both = parent(left, right);
  if (!olderRight) return [both, olderLeft];
  return [both, olderLeft === left && olderRight === right ? both : parent(olderLeft, olderRight)];
}

function half(count) {
  let power = 1;
  while (2 * power < count) power *= 2;
  return power;
}

/** `before`: the size at the last visit; `entry`: the one to be looked at, null for all. */
function treeOf(size, before, entry) {
  const blocks = Math.ceil(size / WIDTH);
  const first = entry === null ? Math.max(0, blocks - setup.bundles) : 0;
  const isRead = (block) => (entry === null ? block >= first : block === Math.floor(entry / WIDTH));

  function fold(hashes, from) {
    if (hashes.length === 1) return [hashes[0], from < before ? hashes[0] : null];
    const middle = half(hashes.length);
    return join(fold(hashes.slice(0, middle), from), fold(hashes.slice(middle), from + middle));
  }

  async function leaves(block) {
    for (let each = block; entry === null && each < Math.min(block + AHEAD, blocks); each++) {
      read(size, 0, each);
      if (isRead(each)) read(size, "entries", each);
    }
    const hashes = await hashesOf(size, 0, block);
    if (isRead(block)) {
      const entries = await entriesOf(size, block);
      const wrong = entries.findIndex((each, i) => !same(sha256(Uint8Array.of(0), each), hashes[i]));
      const [file, tile] = [(await read(size, "entries", block)).path, (await read(size, 0, block)).path];
      if (wrong >= 0) throw new Finding("entry", { file, tile, number: block * WIDTH + wrong });
    }
    progress.textContent = say("progress", { done: Math.min(size, (block + 1) * WIDTH), size });
    return hashes;
  }

  async function roots(from, to) {
    const count = to - from;
    const level = Math.floor(Math.log2(count) / 8);
    const [tile, at] = [Math.floor(from / WIDTH ** (level + 1)), (from / WIDTH ** level) % WIDTH];
    const isOpen = entry === null || (from <= entry && entry < to) || (from < before && before < to);
    if (count < WIDTH) return fold(await leaves(from / WIDTH), from);
    if (!isOpen && 2 * half(count) === count) {
      const hashes = await hashesOf(size, level, tile);
      const [root] = fold(hashes.slice(at, at + count / WIDTH ** level), Infinity);
      return [root, to <= before ? root : null];
    }
    const middle = from + half(count);
    const found =
      count === WIDTH ? fold(await leaves(from / WIDTH), from) : join(await roots(from, middle), await roots(middle, to));
    if (entry === null && count === WIDTH ** level) {
      const hashes = await hashesOf(size, level, tile);
      if (!same(hashes[at], found[0])) throw new Finding("tile", { file: (await read(size, level, tile)).path });
    }
    return found;
  }
  return { first: first * WIDTH, roots };
}

// --- The steps

async function checkSignature(found) {
  const bytes = await get("checkpoint");
  if (!bytes) throw unknown("unreachable", { file: "checkpoint" });
  const key = parseKey(setup.key);
  let line;
  try {
    const note = parseNote(bytes);
    const [, origin, size, root] = /^(.+)\n(0|[1-9]\d{0,14})\n(.{43}=)\n/.exec(note.text);
    line = origin === key.name && lineOf(note, key);
    Object.assign(found, { note, size: Number(size), root: fromBase64(root) });
  } catch {
    throw new Finding("signature.malformed");
  }
  try {
    found.last = JSON.parse(localStorage.getItem(KEPT));
  } catch {} // who keeps nothing compares nothing
  const followed = found.last && found.last.key !== setup.key;
  if (followed && !(await wasHandedOver(found.last.key))) throw new Finding("signature.other");
  if (!line || !(await isSigned(key.key, found.note.text, line.signature))) throw new Finding("signature.fails");
  return say(followed ? "signature.followed" : "signature.holds", { end: setup.key.slice(-8) });
}

/** Whether `log.keys` leads from a key to the record's: each handover is signed by the former and by the next. */
async function wasHandedOver(key) {
  const file = await get("log.keys");
  for (const text of file ? new TextDecoder().decode(file).split(/\n(?=sluice\.net)/) : []) {
    const [, former, next] = /^sluice\.net\/key-handover\/v1\n.+\n\d+\n(.+)\n(.+)\n\n/.exec(text) ?? [];
    if (former !== key) continue;
    try {
      const note = parseNote(bytesOf(text));
      for (const who of [former, next].map(parseKey))
        if (!(await isSigned(who.key, note.text, lineOf(note, who).signature))) return false;
    } catch (error) {
      if (error instanceof Finding) throw error;
      return false;
    }
    key = next;
  }
  return key === setup.key;
}

async function checkWitnesses({ note }) {
  if (!setup.witnesses.length) throw unknown("witnesses.none");
  const seen = [];
  for (const { name, vkey } of setup.witnesses) {
    const witness = parseKey(vkey);
    const line = lineOf(note, witness);
    if (!line) continue;
    const seconds = line.signature.slice(0, 8).reduce((sum, byte) => 256n * sum + BigInt(byte), 0n);
    const message = `cosignature/v1\ntime ${seconds}\n${note.text}`;
    if (!(await isSigned(witness.key, message, line.signature.slice(8)))) throw new Finding("witnesses.fails", { name });
    seen.push(say("witnesses.one", { name, time: when(Math.min(1000 * Number(seconds), 8e15)) }));
  }
  if (!seen.length) throw unknown("witnesses.unseen");
  return seen.join("\n");
}

async function checkTree(found) {
  const { size, root, last } = found;
  if (setup.entry !== null && setup.entry >= size) throw new Finding("beyond", { size });
  const { first, roots } = treeOf(size, Math.min(last?.size ?? 0, size), setup.entry);
  const [whole, older] = size ? await roots(0, size) : [sha256()];
  if (!same(whole, root)) throw new Finding("root");
  found.older = older;
  if (setup.entry !== null) return say("tree.one", { number: setup.entry });
  return say(first ? "tree.some" : "tree.all", { size, first });
}

function checkGrowth({ size, last, older }) {
  if (!last) throw unknown("growth.first");
  if (size < last.size) throw new Finding("growth.rollback", { size, before: last.size });
  if (last.size && !older) throw unknown("undone");
  if (last.size && toBase64(older) !== last.root) throw new Finding("growth.fork", { before: last.size });
  return say("growth.holds", { before: last.size, time: when(last.at) });
}

const STEPS = { signature: checkSignature, witnesses: checkWitnesses, tree: checkTree, growth: checkGrowth };

async function check() {
  again.hidden = true;
  progress.hidden = false;
  const began = performance.now();
  const [found, states] = [{}, {}];
  reads = new Map();
  for (const [id, step] of Object.entries(STEPS)) {
    const [since, before] = [performance.now(), fetched];
    let text;
    states[id] = "holds";
    try {
      if (id !== "signature" && (states.signature === "fails" || !found.root)) throw unknown("undone");
      text = await step(found);
    } catch (error) {
      const finding = error instanceof Finding ? error : unknown("broken", { error: String(error) });
      states[id] = finding.isOpen ? "open" : "fails";
      text = say(finding.key, finding.gaps);
    }
    const shown = byId(`step-${id}`);
    const note = say("took", { files: fetched - before, time: took(since) });
    const lines = { state: say(`state.${states[id]}`), said: text, took: note };
    for (const [name, line] of Object.entries(lines)) shown.querySelector(`.${name}`).textContent = line;
    shown.dataset.state = states[id];
  }
  const isWhole = states.signature === "holds" && states.tree === "holds";
  const answer = Object.values(states).includes("fails") ? "no" : isWhole ? "yes" : "open";
  verdict.textContent = say(`verdict.${answer}`, { time: took(began) });
  section.dataset.state = answer;
  if (answer === "yes") {
    const { size, root } = found;
    try {
      localStorage.setItem(KEPT, JSON.stringify({ key: setup.key, size, root: toBase64(root), at: Date.now() }));
    } catch {} // likewise
  }
  progress.hidden = true;
  again.hidden = false;
}

again.onclick = check;
check();
