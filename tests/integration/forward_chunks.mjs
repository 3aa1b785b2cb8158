// forward_chunks.mjs: what came by BDAT need not end with a line. Handed on by DATA it does:
// the end of data stays where it belongs, and nothing but that line end is added.
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import path from 'node:path';
import { until } from '../lib/process.mjs';
import { scratch, startInstallation } from '../lib/installation.mjs';
import { OwnServer } from '../lib/ownserver.mjs';
import { smtpConnect } from '../lib/smtp.mjs';
import { messageIds, signIn } from '../lib/road.mjs';

const alice = 'alice@acme.example';
let inst, own;

before(async () => {
  const dir = await scratch();
  const state = path.join(dir, 'var');
  own = await new OwnServer().listen();
  own.useTls(state);
  inst = await startInstallation({ state, env: { SSL_CERT_FILE: path.join(state, 'tls/ca.pem') } });
  inst.scratch = dir;
  await inst.ctlJson('tenant', 'set', '--tenant', 'acme', '--way', 'both', '--server', `localhost:${own.port}`, '--authority', 'none');
});
after(async () => {
  await inst?.stop();
  await own?.close();
});

for (const body of ['no line end', 'a line\r\n.', '.', '', 'a line\r\n..\r\nlast']) {
  test(`a body that ends with ${JSON.stringify(body.slice(-6))}`, async () => {
    const mid = `${randomBytes(8).toString('hex')}@partner.example`;
    const text = `From: zoe@partner.example\r\nTo: ${alice}\r\nSubject: chunks\r\nMessage-ID: <${mid}>\r\n\r\n${body}`;
    const session = await smtpConnect(inst);
    session.send(`MAIL FROM:<zoe@partner.example>\r\nRCPT TO:<${alice}>\r\nBDAT ${text.length} LAST\r\n${text}`);
    for (let i = 0; i < 3; i += 1) assert.equal((await session.reply()).code, 250);
    await session.quit();
    const mail = await until(() => own.mails.find((m) => m.id === `<${mid}>` && /^250/.test(m.answer ?? '')),
      { timeout: 20000, what: 'the message at the own server' });
    const ended = body === '' || body.endsWith('\r\n') ? body : `${body}\r\n`;
    assert.equal(mail.body, ended);
    const reader = await signIn(inst, 'acme.localhost', alice);
    const [id] = messageIds((await reader.go('/inbox')).text);
    const saved = (await reader.go(`/message/${id}/raw`)).body.toString('latin1');
    assert.ok(saved.endsWith(text), 'the stored one is as it came');
  });
}
