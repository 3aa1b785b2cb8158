// A reader of the sealed formats written from doc/SEALED-FORMAT.md alone, with
// another build of the primitives and another zstd. Opens every vector, makes
// again what can be made again, and shows that what was changed does not open.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import test from 'node:test';

// Through require(): the ESM build of the library wants a newer Node than 18.
const require = createRequire(import.meta.url);
const sodium = require('libsodium-wrappers-sumo');
const { decompress } = require('fzstd');
await sodium.ready;

const file = new URL('../golden/sealed-vectors.json', import.meta.url);
const vectors = JSON.parse(readFileSync(file, 'utf8'));

const hex = (text) => Buffer.from(text, 'hex');
const same = (got, want, what) => assert.equal(Buffer.from(got).toString('hex'), Buffer.from(want).toString('hex'), what);
const zeros = (n) => Buffer.alloc(n);
const CHUNK = 65536;

class Denied extends Error {}
class Corrupt extends Error {}

function u32(v) {
  const b = Buffer.alloc(4);
  b.writeUInt32BE(v);
  return b;
}

function u64(v) {
  const b = Buffer.alloc(8);
  b.writeBigInt64BE(BigInt(v));
  return b;
}

// 2. Key derivation

function kdf(key, label, fields, length = 32) {
  const input = [Buffer.from(label, 'ascii'), ...fields].flatMap((f) => [u32(f.length), f]);
  return Buffer.from(sodium.crypto_generichash(length, Buffer.concat(input), key));
}

function aeadOpen(sealed, ad, nonce, key) {
  try {
    return Buffer.from(sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, sealed, ad, nonce, key));
  } catch {
    throw new Corrupt('tag');
  }
}

function aeadSeal(clear, ad, nonce, key) {
  return Buffer.from(sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(clear, ad, null, nonce, key));
}

function x25519(sk, pk) {
  return Buffer.from(sodium.crypto_scalarmult(sk, pk));
}

// 3. RSW1

const wrapPlace = (v) => Buffer.concat([hex(v.tenant), hex(v.owner), hex(v.item), u64(v.number)]);

function unwrap(key, purpose, place, blob) {
  const head = Buffer.concat([Buffer.from('RSW1'), Buffer.from([1, purpose, 0, 0])]);
  if (blob.length < 80 || !blob.subarray(0, 8).equals(head)) throw new Corrupt('head');
  const nonce = blob.subarray(8, 32);
  if (!kdf(key, 'restante wrap commitment 1', [nonce]).equals(blob.subarray(32, 64))) throw new Denied();
  const ad = Buffer.concat([blob.subarray(0, 64), place]);
  return aeadOpen(blob.subarray(64), ad, nonce, kdf(key, 'restante wrap key 1', [nonce]));
}

function wrap(key, purpose, place, nonce, plain) {
  const front = Buffer.concat([Buffer.from('RSW1'), Buffer.from([1, purpose, 0, 0]), nonce,
    kdf(key, 'restante wrap commitment 1', [nonce])]);
  const ad = Buffer.concat([front, place]);
  return Buffer.concat([front, aeadSeal(plain, ad, nonce, kdf(key, 'restante wrap key 1', [nonce]))]);
}

// 4. Signatures and RSK1

function verify(pk, what, fields, signature) {
  const digest = kdf(zeros(32), 'restante signature 1', [Buffer.from(what), ...fields], 64);
  return sodium.crypto_sign_verify_detached(signature, digest, pk);
}

function readCertificate(signer, c) {
  const isZero = (from, to) => c.subarray(from, to).equals(zeros(to - from));
  const kind = c[5];
  if (c.length !== 208 || c.toString('latin1', 0, 4) !== 'RSK1' || c[4] !== 1) throw new Corrupt('head');
  if (![1, 2, 3].includes(kind) || !isZero(6, 8) || !isZero(128, 144)) throw new Corrupt('form');
  if (kind === 3 && !isZero(16, 48)) throw new Corrupt('form');
  if (!verify(signer, 'certificate', [c.subarray(0, 144)], c.subarray(144))) throw new Corrupt('signature');
  const notBefore = c.readBigInt64BE(112);
  const notAfter = c.readBigInt64BE(120);
  if (notAfter < notBefore) throw new Corrupt('dates');
  return {
    kind, generation: c.readUInt32BE(8), version: c.readUInt32BE(12), tenant: c.subarray(16, 32), subject: c.subarray(32, 48),
    address: c.subarray(48, 80), pk: c.subarray(80, 112), notBefore, notAfter,
  };
}

// 5. RSB1

function openBox(sk, pk, purpose, place, blob) {
  const head = Buffer.concat([Buffer.from('RSB1'), Buffer.from([1, 0, 0, 0])]);
  if (blob.length < 120 || !blob.subarray(0, 8).equals(head)) throw new Corrupt('head');
  const epk = blob.subarray(8, 40);
  const key = kdf(x25519(sk, epk), 'restante box key 1', [epk, pk]);
  return unwrap(key, purpose, place, blob.subarray(40));
}

// 6. Slots

function slotKey(shared, v, epk, pk) {
  return kdf(shared, 'restante slot key 1', [hex(v.shred_key), hex(v.tenant), hex(v.message), u64(v.number), epk, pk]);
}

// 7. RSC1

function contentKey(dek, tenant, message, part, header) {
  const loose = header[7] & 1;
  const place = Buffer.concat([Buffer.from('RSC1'), Buffer.from([1, 1, 16, loose]), message, u32(part), zeros(4)]);
  if (header.length !== 96 || !header.subarray(0, 32).equals(place)) throw new Corrupt('header');
  const key = kdf(dek, 'restante part key 1', [tenant, message, u32(part), header.subarray(32, 64)]);
  if (!kdf(key, 'restante part commitment 1', [header.subarray(0, 64)]).equals(header.subarray(64))) throw new Denied();
  return key;
}

const chunkNonce = (i, final, front = zeros(15)) => Buffer.concat([front, u64(i), Buffer.from([final ? 1 : 0])]);

function openChunk(key, header, tenant, i, final, sealed) {
  const at = header[7] === 1 ? 15 : 0;
  if (sealed.length < at + 17 || sealed.length > at + CHUNK + 17) throw new Corrupt('length');
  const nonce = chunkNonce(i, final, at ? sealed.subarray(0, at) : undefined);
  const chunk = aeadOpen(sealed.subarray(at), Buffer.concat([header, tenant]), nonce, key);
  let clear;
  if (chunk[0] === 0) clear = chunk.subarray(1);
  else if (chunk[0] === 1) clear = Buffer.from(decompress(chunk.subarray(1)));
  else throw new Corrupt('first octet');
  if (clear.length > CHUNK || (!final && clear.length !== CHUNK) || (clear.length === 0 && i > 0)) throw new Corrupt('length');
  return clear;
}

function sealRawChunk(key, header, tenant, i, final, clear) {
  return aeadSeal(Buffer.concat([Buffer.from([0]), clear]), Buffer.concat([header, tenant]), chunkNonce(i, final), key);
}

// 8. Base 32

function base32(bytes) {
  const digits = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
  const bits = [...bytes].map((b) => b.toString(2).padStart(8, '0')).join('');
  const groups = bits.match(/.{1,5}/g) ?? [];
  return groups.map((g) => digits[parseInt(g.padEnd(5, '0'), 2)]).join('');
}

// 9. The clear content of a vector

function clearOf(v) {
  const clear = Buffer.alloc(v.length);
  if (v.clear.startsWith('repeat: ')) return clear.fill(Buffer.from(v.clear.slice(8)));
  assert.equal(v.clear, 'dense');
  for (let i = 0; i * 64 < v.length; i++) Buffer.from(sodium.crypto_generichash(64, u32(i), null)).copy(clear, i * 64);
  return clear;
}

// Every octet in turn, one bit of it another: must throw one of ours.
function everyChange(blob, open) {
  for (let i = 0; i < blob.length; i++) {
    const changed = Buffer.from(blob);
    changed[i] ^= 1 << i % 8;
    assert.throws(() => open(changed), (e) => e instanceof Denied || e instanceof Corrupt, `octet ${i}`);
  }
  for (const other of [blob.subarray(0, blob.length - 1), Buffer.concat([blob, zeros(1)])])
    assert.throws(() => open(other), (e) => e instanceof Denied || e instanceof Corrupt);
}

test('key derivation', () => {
  assert.ok(vectors.kdf.length >= 4);
  for (const v of vectors.kdf) {
    const want = hex(v.out);
    same(kdf(hex(v.key), v.label, v.fields.map(hex), want.length), want, v.label);
  }
});

test('password', () => {
  const v = vectors.password;
  const out = sodium.crypto_pwhash(32, v.password, hex(v.salt), 3, 64 * 1024 * 1024, sodium.crypto_pwhash_ALG_ARGON2ID13);
  same(out, hex(v.out));
});

test('wraps open, and can be made again', () => {
  for (const v of vectors.wrap) {
    const [key, blob, plain] = [hex(v.key), hex(v.blob), hex(v.plain)];
    same(unwrap(key, v.purpose, wrapPlace(v), blob), plain);
    same(wrap(key, v.purpose, wrapPlace(v), blob.subarray(8, 32), plain), blob);
    everyChange(blob, (b) => unwrap(key, v.purpose, wrapPlace(v), b));
    assert.throws(() => unwrap(key, v.purpose + 1, wrapPlace(v), blob), Corrupt);
    assert.throws(() => unwrap(zeros(32), v.purpose, wrapPlace(v), blob), Denied);
    for (const name of ['tenant', 'owner', 'item'])
      assert.throws(() => unwrap(key, v.purpose, wrapPlace({ ...v, [name]: '00'.repeat(16) }), blob), Corrupt, name);
    assert.throws(() => unwrap(key, v.purpose, wrapPlace({ ...v, number: v.number + 1 }), blob), Corrupt);
  }
});

test('signature', () => {
  const v = vectors.signature;
  const pair = sodium.crypto_sign_seed_keypair(hex(v.seed));
  same(pair.publicKey, hex(v.public_key));
  assert.ok(verify(hex(v.public_key), v.what, v.fields.map(hex), hex(v.signature)));
  assert.ok(!verify(hex(v.public_key), `${v.what}s`, v.fields.map(hex), hex(v.signature)));
  assert.ok(!verify(hex(v.public_key), v.what, v.fields.slice(1).map(hex), hex(v.signature)));
});

test('certificate', () => {
  const v = vectors.certificate;
  const signer = hex(v.signer_public_key);
  const c = readCertificate(signer, hex(v.certificate));
  for (const name of ['kind', 'generation', 'version']) assert.equal(c[name], v[name]);
  same(c.tenant, hex(v.tenant));
  same(c.subject, hex(v.subject));
  same(c.pk, hex(v.public_key));
  assert.equal(c.notBefore, BigInt(v.not_before));
  assert.equal(c.notAfter, BigInt(v.not_after));
  const lower = v.address.replace(/[A-Z]/g, (l) => l.toLowerCase());
  same(c.address, kdf(zeros(32), 'restante address 1', [hex(v.tenant), Buffer.from(lower)]));
  everyChange(hex(v.certificate), (b) => readCertificate(signer, b));
});

test('box', () => {
  const v = vectors.box;
  const [sk, pk, blob] = [hex(v.secret_key), hex(v.public_key), hex(v.blob)];
  same(sodium.crypto_scalarmult_base(sk), pk);
  same(openBox(sk, pk, v.purpose, wrapPlace(v), blob), hex(v.plain));
  const esk = hex(v.ephemeral_secret_key);
  const epk = Buffer.from(sodium.crypto_scalarmult_base(esk));
  const key = kdf(x25519(esk, pk), 'restante box key 1', [epk, pk]);
  const inner = wrap(key, v.purpose, wrapPlace(v), blob.subarray(48, 72), hex(v.plain));
  same(Buffer.concat([Buffer.from('RSB1'), Buffer.from([1, 0, 0, 0]), epk, inner]), blob);
  everyChange(blob, (b) => openBox(sk, pk, v.purpose, wrapPlace(v), b));
});

test('slot and data key commitment', () => {
  const v = vectors.slot;
  const [epk, pk] = [hex(v.ephemeral_public_key), hex(v.reader_public_key)];
  const place = Buffer.concat([hex(v.tenant), hex(v.message), zeros(16), u64(v.number)]);
  const key = slotKey(x25519(hex(v.reader_secret_key), epk), v, epk, pk);
  const slot = hex(v.slot);
  assert.equal(slot.length, 112);
  const dek = unwrap(key, 7, place, slot);
  same(dek, hex(v.data_key));
  same(kdf(dek, 'restante data key commitment 1', [hex(v.tenant), hex(v.message)]), hex(v.data_key_commitment));
  const theirs = slotKey(x25519(hex(v.ephemeral_secret_key), pk), v, epk, pk);
  same(wrap(theirs, 7, place, slot.subarray(8, 32), dek), slot);
  everyChange(slot, (b) => unwrap(key, 7, place, b));
  for (const name of ['shred_key', 'tenant', 'message']) {
    const other = { ...v, [name]: '00'.repeat(v[name].length / 2) };
    const wrong = slotKey(x25519(hex(v.reader_secret_key), epk), other, epk, pk);
    assert.throws(() => unwrap(wrong, 7, place, slot), Denied, name);
  }
});

function openContent(v) {
  const [tenant, message, header] = [hex(v.tenant), hex(v.message), hex(v.header)];
  const key = contentKey(hex(v.data_key), tenant, message, v.part, header);
  const want = clearOf(v);
  const got = v.chunks.map((text, i) => {
    const final = i === v.chunks.length - 1;
    if (!text.startsWith('sha256:')) return openChunk(key, header, tenant, i, final, hex(text));
    const made = sealRawChunk(key, header, tenant, i, final, want.subarray(i * CHUNK, (i + 1) * CHUNK));
    assert.equal(createHash('sha256').update(made).digest('hex'), text.slice(7));
    return openChunk(key, header, tenant, i, final, made);
  });
  assert.ok(Buffer.concat(got).equals(want));
  return { key, header, tenant, message };
}

test('content as it is', () => {
  assert.deepEqual(vectors.content.map((v) => v.chunks.length), [1, 1, 1, 2]);
  for (const v of vectors.content) openContent(v);
  const v = vectors.content[1];
  const { key, header, tenant, message } = openContent(v);
  const chunk = hex(v.chunks[0]);
  everyChange(chunk, (b) => openChunk(key, header, tenant, 0, true, b));
  everyChange(header, (b) => contentKey(hex(v.data_key), tenant, message, v.part, b));
  assert.throws(() => openChunk(key, header, tenant, 0, false, chunk), Corrupt);
  assert.throws(() => openChunk(key, header, tenant, 1, true, chunk), Corrupt);
  assert.throws(() => contentKey(hex(v.data_key), zeros(16), message, v.part, header), Denied);
  assert.throws(() => contentKey(hex(v.data_key), tenant, message, v.part + 1, header), Corrupt);
});

test('compressed content', () => {
  const v = vectors.content_zstd;
  assert.equal(v.chunks.length, 2);
  for (const text of v.chunks) assert.ok(text.length / 2 < 1000, 'it is compressed');
  openContent(v);
});

test('loose content', () => {
  const v = vectors.content_loose;
  const { key, header, tenant, message } = openContent(v);
  assert.equal(header[7], 1);
  const chunk = hex(v.chunks[0]);
  everyChange(chunk, (b) => openChunk(key, header, tenant, 0, true, b));
  everyChange(header, (b) => contentKey(hex(v.data_key), tenant, message, v.part, b));
  assert.throws(() => openChunk(key, header, tenant, 0, false, chunk), Corrupt);
  assert.throws(() => openChunk(key, header, tenant, 1, true, chunk), Corrupt);
});

test('link secret', () => {
  const v = vectors.link;
  const secret = hex(v.secret);
  assert.equal(secret.length, 17);
  assert.equal(secret[16] & 0x3f, 0);
  const digits = base32(secret);
  assert.equal(digits.slice(26), '00');
  assert.equal(digits.slice(0, 26).toLowerCase(), v.text);
  same(kdf(zeros(32), 'restante link id 1', [secret]), hex(v.hash));
  const key = Buffer.concat([secret, zeros(15)]);
  same(kdf(key, 'restante link unlocker 1', [hex(v.half), hex(v.tenant), hex(v.notice)]), hex(v.key));
});

test('records', () => {
  const text = (s) => Buffer.concat([Buffer.from([s.length]), Buffer.from(s)]);
  const { item, escrow } = vectors.records;
  same(Buffer.concat([Buffer.from([1, item.kind]), text(item.address), text(item.secret), text(item.reference)]), hex(item.bytes));
  same(Buffer.concat([Buffer.from([1, 1]), u64(escrow.slot_id), u64(escrow.expires), text(escrow.address),
    hex(escrow.secret_key)]), hex(escrow.bytes));
});
