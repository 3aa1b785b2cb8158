// uploads.mjs: large files by tus, and letters that carry them.
import { signIn, messageIds } from './road.mjs';
import { until } from './process.mjs';

export const SLICE = 8 * 1024 * 1024;

/** Creates an upload; { path, headers }: where its slices go, and the fields each of them needs. */
export async function createUpload(visitor, { length, name, type = 'application/octet-stream' }) {
  const base64 = (text) => Buffer.from(text).toString('base64');
  const cookie = [...visitor.cookies].map((pair) => pair.join('=')).join('; ');
  const same = { origin: visitor.inst.url(visitor.host, '').replace(/\/$/, ''), 'sec-fetch-site': 'same-origin', 'tus-resumable': '1.0.0' };
  const made = await visitor.go('/upload', { method: 'POST', follow: false, body: '',
    headers: { ...same, 'upload-length': String(length), 'upload-metadata': `filename ${base64(name)},filetype ${base64(type)}` } });
  if (made.status !== 201) throw new Error(`upload: ${made.status} ${made.text.slice(0, 200)}`);
  const at = new URL(made.headers.location, visitor.inst.url(visitor.host, '/upload')).pathname;
  return { path: at, id: at.split('/').pop(),
    headers: { Host: visitor.host, Cookie: cookie, Origin: same.origin, 'Sec-Fetch-Site': 'same-origin',
      'Tus-Resumable': '1.0.0', 'Content-Type': 'application/offset+octet-stream' } };
}

/** Uploads a file by `upload(path, headers)`, sends it with a letter; where its reader downloads it: { path, visitor }. */
export async function sendFile(inst, visitor, { file, name, to, upload, length }) {
  length ??= (await import('node:fs')).statSync(file).size;
  const { path, id, headers } = await createUpload(visitor, { length, name });
  await upload(path, headers);
  await visitor.go('/compose');
  const subject = `A large file ${id}`;
  const sent = await visitor.submit({ to, subject, body: 'Dear reader', upload: id }, { which: /name="subject"/, files: [] });
  if (sent.status !== 200 || !/track/.test(visitor.path)) throw new Error(`compose: ${sent.status} ${sent.text.slice(0, 400)}`);
  const reader = await signIn(inst, visitor.host, to);
  return until(async () => {
    const list = await reader.go('/inbox');
    for (const message of messageIds(list.text)) {
      const page = await reader.go(`/message/${message}`);
      const part = page.text.includes(subject) && page.text.match(/href="(\/message\/[^"]*\/part\/[^"]*)"/)?.[1];
      if (part) return { path: part, visitor: reader };
    }
    return undefined;
  }, { what: 'the letter with the file' });
}
