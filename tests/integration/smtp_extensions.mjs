// smtp_extensions.mjs: DSN, SMTPUTF8 and REQUIRETLS parameters on the wire, XCLIENT of a named
// front end, and the trace of all this in the log.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { startInstallation, demoPassword } from '../lib/installation.mjs';
import { Session, smtpConnect, compose } from '../lib/smtp.mjs';
import { signIn, messageIds } from '../lib/road.mjs';

const alice = 'alice@acme.example';
const outside = 'extended@partner.example';
const frontEnd = '127.0.0.2';
let inst;

before(async () => { inst = await startInstallation({ env: { RESTANTE_XCLIENT: frontEnd, RESTANTE_SMTP_TRACE: '1' } }); });
after(() => inst?.stop());

async function expect(session, dialogue) {
  for (const [line, want] of dialogue) {
    const { text } = await session.command(line);
    assert.ok(text.startsWith(want), `${line}: want ${want}, got ${text}`);
  }
}

/** A greeted session from another address of this machine. */
async function from(address) {
  const socket = net.connect({ port: inst.ports.SMTP_PORT, host: inst.host, localAddress: address });
  await once(socket, 'connect');
  const session = new Session(socket, inst.ca);
  assert.equal((await session.reply()).code, 220);
  return session;
}

/** The newest message of Alice, as it is saved. */
async function newest() {
  const reader = await signIn(inst, 'acme.localhost', alice);
  const [id] = messageIds((await reader.go('/inbox')).text);
  return (await reader.go(`/message/${id}/raw`)).body.toString('utf8');
}

test('DSN, SMTPUTF8 and REQUIRETLS are taken under TLS', async () => {
  const session = await smtpConnect(inst);
  await expect(session, [
    [`MAIL FROM:<${outside}> RET=HDRS ENVID=QQ+2B314159 SMTPUTF8 REQUIRETLS BODY=8BITMIME`, '250 2.1.0'],
    [`RCPT TO:<${alice}> NOTIFY=SUCCESS,FAILURE ORCPT=rfc822;Alice+40acme.example`, '250 2.1.5'], ['DATA', '354']]);
  assert.equal((await session.data(compose({ from: outside, to: alice, subject: 'gr\u00fc\u00dfe' }))).code, 250);
  await session.quit();
  assert.match(await newest(), /\r\n\tby \S+ with UTF8SMTPS \(TLSv1\.3 /);
});

test('in clear REQUIRETLS is 530, and what is malformed is 501', async () => {
  const session = await smtpConnect(inst, { secure: 'none' });
  assert.ok(!session.ehlo.lines.includes('REQUIRETLS'));
  await expect(session, [
    [`MAIL FROM:<${outside}> REQUIRETLS`, '530 5.7.10'], [`MAIL FROM:<${outside}> RET=BODY`, '501 5.5.4'],
    [`MAIL FROM:<${outside}> BODY=BINARYMIME`, '501 5.5.4'], ['MAIL FROM:<\u00fc@partner.example>', '553 5.6.7'],
    [`MAIL FROM:<${outside}>`, '250 2.1.0'], [`RCPT TO:<${alice}> NOTIFY=NEVER,DELAY`, '501 5.5.4'],
    [`RCPT TO:<${alice}> ORCPT=rfc822;a+0Db`, '501 5.5.4'], ['RCPT TO:<\u00fc@acme.example>', '553 5.6.7'],
    [`RCPT TO:<${alice}>`, '250 2.1.5']]);
  await session.quit();
});

test('a domain in U-labels is the same as in A-labels; outside, an address beyond ASCII is refused', async () => {
  const session = await smtpConnect(inst, { auth: alice });
  await expect(session, [[`MAIL FROM:<${alice}> SMTPUTF8`, '250 2.1.0'],
    ['RCPT TO:<carol@b\u00fccher.example>', '250 2.1.5'], ['RCPT TO:<\u00fc@partner.example>', '553 5.6.7'],
    ['RCPT TO:<nobody\u00fc@acme.example>', '550 5.1.1'], ['DATA', '354']]);
  assert.equal((await session.data(compose({ from: alice, to: 'carol@xn--bcher-kva.example' }))).code, 250);
  await session.quit();
  assert.ok(await inst.catcher.wait({ to: 'carol@xn--bcher-kva.example' }));
});

test('XCLIENT: a named front end says for whom it speaks, and nobody else', async () => {
  const front = await from(frontEnd);
  const { lines } = await front.command('EHLO front.example');
  assert.ok(lines.includes('XCLIENT NAME ADDR PORT PROTO HELO'));
  await expect(front, [['XCLIENT LOGIN=alice', '501 5.5.4'], ['XCLIENT ADDR=192.0.2', '501 5.5.4'],
    ['XCLIENT ADDR=198.51.100.7 PORT=1234 NAME=there.example HELO=there.example PROTO=ESMTP', '220 '],
    [`MAIL FROM:<${outside}>`, '503 5.5.1'], ['EHLO front.example', '250-'], [`MAIL FROM:<${outside}>`, '250 2.1.0'],
    ['XCLIENT ADDR=198.51.100.8', '503 5.5.1'], [`RCPT TO:<${alice}>`, '250 2.1.5'], ['DATA', '354']]);
  assert.equal((await front.data(compose({ from: outside, to: alice, subject: 'told' }))).code, 250);
  await front.quit();
  assert.match(await newest(), /^Received: from there\.example \(\[198\.51\.100\.7\]\)\r\n/);
  const other = await from('127.0.0.3');
  const offered = await other.command('EHLO other.example');
  assert.ok(!offered.lines.some((line) => line.startsWith('XCLIENT')));
  await expect(other, [['XCLIENT ADDR=198.51.100.7', '550 5.7.0'], [`MAIL FROM:<${outside}>`, '250 2.1.0']]);
  await other.quit();
});

test('the trace can be followed, and holds no address, credential or word of a message', async () => {
  const log = await inst.log('intake');
  for (const said of ['C: MAIL body=8bit ret=hdrs envid=* smtputf8 requiretls from=*', 'C: RCPT notify orcpt=* to=*', 'C: AUTH PLAIN *',
    'C: XCLIENT', 'S: 250 2.1.5 Recipient is fine', 'octets of the message']) assert.ok(log.includes(said), said);
  for (const secret of [alice, outside, 'carol', demoPassword, Buffer.from(`\0${alice}\0${demoPassword}`).toString('base64'), 'QQ', 'Hello']) {
    assert.ok(!log.includes(secret), secret);
  }
});
