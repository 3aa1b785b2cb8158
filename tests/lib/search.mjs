// search.mjs: looks for secrets in everything that lies on disk, in the forms in
// which they might hide: raw, base64, UTF-16 and hex.
import fs from 'node:fs/promises';
import path from 'node:path';

/** The part of base64 that does not depend on what stands before and after. */
function base64Needles(bytes) {
  const needles = [];
  for (let shift = 0; shift < 3; shift++) {
    const text = Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64').replace(/=+$/, '');
    const from = Math.ceil((shift * 8) / 6);
    const to = Math.floor(((shift + bytes.length) * 8) / 6);
    const inner = text.slice(from, to);
    needles.push(inner, inner.replaceAll('+', '-').replaceAll('/', '_'));
  }
  return needles;
}

/** Every form of one secret, a text or bytes. */
export function formsOf(secret) {
  const bytes = Buffer.isBuffer(secret) ? secret : Buffer.from(secret);
  const needles = [bytes, bytes.toString('hex'), bytes.toString('hex').toUpperCase(), ...base64Needles(bytes)];
  if (!Buffer.isBuffer(secret)) {
    const wide = Buffer.from(secret, 'utf16le');
    needles.push(wide, Buffer.from(wide).swap16());
    for (const text of [secret.toLowerCase(), secret.toUpperCase()]) needles.push(text);
  }
  return [...new Map(needles.map((n) => [Buffer.from(n).toString('latin1'), Buffer.from(n)])).values()];
}

async function* filesBelow(dir, leave) {
  for (const entry of await fs.readdir(dir, { withFileTypes: true }).catch(() => [])) {
    const where = path.join(dir, entry.name);
    if (leave.includes(where)) continue;
    if (entry.isDirectory()) yield* filesBelow(where, leave);
    else if (entry.isFile()) yield where;
  }
}

/**
 * Where any of the secrets stands: [{ name, where }]. secrets: { name: text or bytes };
 * places: directories; buffers: { name: bytes } searched too; leave: directories passed over.
 */
export async function findSecrets(secrets, { places, buffers = {}, leave = [] }) {
  const needles = Object.entries(secrets)
    .flatMap(([name, secret]) => formsOf(secret).map((needle) => ({ name, needle })));
  const found = [];
  let searched = 0;
  const look = (bytes, where) => {
    searched += bytes.length;
    for (const { name, needle } of needles) {
      if (bytes.includes(needle)) found.push({ name, where });
    }
  };
  for (const place of places) {
    for await (const file of filesBelow(await fs.realpath(place), leave)) {
      look(await fs.readFile(file).catch(() => Buffer.alloc(0)), file);
    }
  }
  for (const [name, bytes] of Object.entries(buffers)) look(bytes, name);
  return { found, searched };
}
