// at_rest.mjs: after the road was walked, nothing on disk tells a secret of it. The
// control stores one in clear and must be found, so the search itself can fail.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { startInstallation } from '../lib/installation.mjs';
import { sendMail } from '../lib/smtp.mjs';
import { pickUp, linkPath, signIn, messageIds } from '../lib/road.mjs';
import { must, run } from '../lib/process.mjs';
import { findSecrets } from '../lib/search.mjs';

const token = () => randomBytes(16).toString('hex');
const secrets = {};
let inst;

before(async () => { inst = await startInstallation(); });
after(() => inst?.stop());

/** Cookie values, and the bytes behind them. */
function noteCookies(visitor, who) {
  for (const [name, value] of visitor.cookies) {
    if (!value) continue;
    secrets[`${who} ${name}`] = value;
    secrets[`${who} ${name} bytes`] = Buffer.from(value, 'base64url').subarray(16);
  }
}

test('the road is walked with tokens in everything that is secret', async () => {
  Object.assign(secrets, { subject: token(), body: token(), 'file name': token(), 'file content': token(),
    password: token(), 'reply subject': token(), 'reply body': token(), 'reply file name': token() });
  const boundary = token();
  const reply = await sendMail(inst, { from: 'alice@acme.example', to: 'carol@partner.example',
    subject: secrets.subject, headers: { 'MIME-Version': '1.0', 'Content-Type': `multipart/mixed; boundary="${boundary}"` },
    body: `--${boundary}\r\nContent-Type: text/plain\r\n\r\n${secrets.body}\r\n` +
      `--${boundary}\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename="${secrets['file name']}.bin"\r\n\r\n` +
      `${secrets['file content']}\r\n--${boundary}--\r\n` });
  assert.equal(reply.code, 250, reply.text);
  const notice = await inst.catcher.wait({ to: 'carol@partner.example' });
  secrets['link secret'] = linkPath(notice).split('-')[1];
  const { visitor, code, page } = await pickUp(inst, 'acme.localhost', 'carol@partner.example', notice);
  secrets.code = code;
  secrets['code without hyphen'] = code.replace('-', '');
  assert.ok(page.text.includes(secrets.body), 'the guest reads');
  noteCookies(visitor, 'guest');
  await visitor.go(page.text.match(/\/message\/[0-9a-f-]{36}\/part\/\d+/)[0]);
  await visitor.go('/register');
  await visitor.submit({ password: `${secrets.password} and more`, password2: `${secrets.password} and more` }, { which: /password2/ });
  noteCookies(visitor, 'registered');
  const again = await signIn(inst, 'acme.localhost', 'carol@partner.example', `${secrets.password} and more`);
  noteCookies(again, 'signed in');
  const inbox = await again.go('/inbox');
  assert.ok(inbox.text.includes(secrets.subject), 'the account reads');
  const [id] = messageIds(inbox.text);
  await again.go(`/compose?reply=${id}`);
  await again.submit({ subject: secrets['reply subject'], body: secrets['reply body'] },
    { which: /name="body"/, files: [{ name: 'files', filename: `${secrets['reply file name']}.txt`, content: token() }] });
  await inst.catcher.wait({ to: 'alice@acme.example', text: /\/m\// });
  const alice = await signIn(inst, 'acme.localhost', 'alice@acme.example');
  noteCookies(alice, 'sender');
  assert.ok((await alice.go('/inbox')).text.includes(secrets['reply subject']), 'the answer arrived');
});

/** Everything on disk but the catcher's own folder, and a dump beside it. */
async function search(what) {
  await inst.rows('CHECKPOINT');
  const dump = await run('pg_dump', ['-U', 'postgres', 'restante'], { env: inst.environment, raw: true });
  assert.equal(dump.status, 0, String(dump.stderr));
  assert.ok(dump.stdout.length > 10000);
  const { found, searched } = await findSecrets(what, { places: [inst.state, path.join(inst.state, 'pg')],
    leave: [path.join(inst.state, 'catcher')], buffers: { pg_dump: dump.stdout } });
  assert.ok(searched > 30e6, `only ${searched} bytes were searched`);
  return found;
}

test('no token appears anywhere on disk', async () => {
  assert.ok(Object.keys(secrets).length > 12);
  assert.deepEqual(await search(secrets), []);
});

test('no core file was written', async () => {
  const cores = await must('find', [inst.state, '-xdev', '-name', 'core*', '-type', 'f']);
  assert.equal(cores.trim(), '');
});

test('control: one token stored in clear is found', async () => {
  await inst.rows(`UPDATE tenant SET contact = 'call ${secrets.body}' WHERE slug = 'acme'`);
  const found = await search({ body: secrets.body });
  assert.ok(found.some(({ name }) => name === 'body'));
});
