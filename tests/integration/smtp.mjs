// smtp.mjs: intake on the wire: rude clients get the reply of the RFC and keep
// their session; nobody smuggles, relays or says a password in clear.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import tls from 'node:tls';
import { once } from 'node:events';
import { startInstallation, demoPassword } from '../lib/installation.mjs';
import { smtpConnect, sendMail, compose } from '../lib/smtp.mjs';
import { run, sleep, until } from '../lib/process.mjs';
import { signIn, messageIds } from '../lib/road.mjs';

const limit = 50 * 1024 * 1024;
const alice = 'alice@acme.example';
const outside = 'somebody@partner.example';
let inst;

before(async () => { inst = await startInstallation(); });
after(() => inst?.stop());

const clear = (options = {}) => smtpConnect(inst, { secure: 'none', ...options });

/** How many messages are stored. */
const stored = async () => Number((await inst.rows('SELECT count(*) FROM message'))[0][0]);

/** Sends each line and compares its reply's beginning. */
async function expect(session, dialogue) {
  for (const [line, want] of dialogue) {
    const { text } = await session.command(line);
    assert.ok(text.startsWith(want), `${line.slice(0, 60)}: want ${want}, got ${text}`);
  }
}

/** A session after DATA's 354. */
async function inData(options) {
  const session = await clear(options);
  await expect(session, [[`MAIL FROM:<${outside}>`, '250 2.1.0'], [`RCPT TO:<${alice}>`, '250 2.1.5'], ['DATA', '354']]);
  return session;
}

test('what is offered in clear, after STARTTLS, and under implicit TLS', async () => {
  const common = ['PIPELINING', `SIZE ${limit}`, '8BITMIME', 'DSN', 'CHUNKING', 'SMTPUTF8', 'ENHANCEDSTATUSCODES'];
  const plain = await clear();
  assert.match(plain.greeting.text, /^220 \S+ ESMTP/);
  assert.deepEqual(new Set(plain.ehlo.lines.slice(1)), new Set([...common, 'STARTTLS']));
  await plain.quit();
  for (const secure of ['starttls', 'implicit']) {
    const session = await smtpConnect(inst, { secure });
    assert.deepEqual(new Set(session.ehlo.lines.slice(1)), new Set([...common, 'AUTH PLAIN', 'REQUIRETLS']), secure);
    await expect(session, [['STARTTLS', '503 5.5.1'], ['QUIT', '221 2.0.0']]);
    session.close();
  }
});

test('verbs in the wrong order are answered 503, and the session goes on', async () => {
  const session = await clear({ helo: null });
  await expect(session, [
    [`MAIL FROM:<${outside}>`, '503 5.5.1'], [`RCPT TO:<${alice}>`, '503 5.5.1'], ['DATA', '503 5.5.1'], ['STARTTLS', '503 5.5.1'],
    ['RSET', '250 2.0.0'], ['NOOP', '250 2.0.0'], ['VRFY alice', '252 2.0.0'], ['EHLO client.example', '250'],
    [`RCPT TO:<${alice}>`, '503 5.5.1'], ['DATA', '503 5.5.1'], [`MAIL FROM:<${outside}>`, '250 2.1.0'],
    [`MAIL FROM:<${outside}>`, '503 5.5.1'], ['DATA', '503 5.5.1'], ['RCPT TO:<nobody@acme.example>', '550 5.1.1'],
    ['DATA', '554 5.5.1'], [`RCPT TO:<${alice}>`, '250 2.1.5'], ['STARTTLS', '503 5.5.1'], ['DATA', '354']]);
  assert.equal((await session.data('Subject: Order\r\n\r\nx\r\n')).code, 250);
  await session.quit();
});

test('malformed, over-long and garbage commands, whole and byte by byte', async () => {
  const lines = [['FROB', '500 5.5.2'], ['', '500 5.5.2'], ['EXPN list', '502 5.5.1'], ['XCLIENT ADDR=192.0.2.1', '550 5.7.0'],
    ['RSET now', '501 5.5.4'], ['EHLO a(b', '501 5.5.4'], [`MAIL FROM:${outside}`, '501 5.1.7'],
    [`MAIL FROM:<${outside}> RET=ALL`, '501 5.5.4'], [`MAIL FROM:<${outside}> HOLDFOR=1`, '555 5.5.4'], [`MAIL FROM:<${outside}> SIZE=x`, '501 5.5.4'],
    [`NOOP ${'x'.repeat(505)}`, '250 2.0.0'], [`NOOP ${'x'.repeat(506)}`, '500 5.5.2'], [`NOOP ${'x'.repeat(20000)}`, '500 5.5.2'],
    ['NOOP \u00e9', '500 5.5.2'], ['NOOP \x00', '500 5.5.2'], ['NO\rOP', '500 5.5.2'], ['NOOP', '250 2.0.0']];
  const whole = await clear();
  await expect(whole, lines);
  await whole.quit();
  const slow = await clear();
  slow.socket.setNoDelay(true);
  for (const [line, want] of lines.filter(([text]) => text.length < 100)) {
    for (const byte of Buffer.from(`${line}\r\n`)) {
      slow.send(Buffer.from([byte]));
      await sleep(1);
    }
    assert.ok((await slow.reply()).text.startsWith(want), line);
  }
  await slow.quit();
});

test('BDAT: chunks in one packet and in pieces are the message, octet by octet', async () => {
  const before = await stored();
  const text = 'Subject: chunks\r\n\r\n..\r\n.\r\nQUIT\r\n.\r\nend\r\n';
  for (const sizes of [[text.length], [1, 2, 3, 5, 8, 13], [20, 0, 1]]) {
    const session = await clear();
    let commands = `MAIL FROM:<${outside}> BODY=8BITMIME\r\nRCPT TO:<${alice}>\r\n`, at = 0, answers = 0;
    for (const size of sizes) {
      const last = size === text.length ? ' LAST' : '';
      commands += `BDAT ${size}${last}\r\n${text.slice(at, at + size)}`;
      at += size;
      answers += 1;
    }
    if (at < text.length) {
      commands += `BDAT ${text.length - at} LAST\r\n${text.slice(at)}`;
      answers += 1;
    }
    session.send(`${commands}NOOP\r\n`);
    for (let i = 0; i < 2 + answers; i += 1) assert.equal((await session.reply()).code, 250);
    assert.match((await session.reply()).text, /Still here/);
    await session.quit();
  }
  assert.equal(await stored(), before + 1, 'the same message, however it was cut');
});

test('BDAT that cannot be taken: its octets are read, and answered once', async () => {
  const session = await clear();
  session.send(`BDAT 6\r\nQUIT\r\nMAIL FROM:<${outside}>\r\nRCPT TO:<${alice}>\r\nBDAT 3\r\na\nbBDAT 6 LAST\r\nRSET\r\nNOOP\r\n`);
  for (const want of ['503 5.5.1', '250 2.1.0', '250 2.1.5', '550 5.6.0', '550 5.6.0', '250 2.0.0 Still']) {
    assert.ok((await session.reply()).text.startsWith(want), want);
  }
  await expect(session, [['BDAT 99999999999999999999', '501 5.5.4']]);
  await until(() => session.closed, { what: 'the end: nobody knows where the octets end' });
  session.close();
});

test('after twenty refused commands: 421, and the connection ends', async () => {
  const session = await clear();
  await expect(session, Array(20).fill(['FROB', '500 5.5.2']));
  assert.match((await session.command('FROB')).text, /^421 4\.7\.0 /);
  await until(() => session.closed, { what: 'the end of the connection' });
  session.close();
});

test('who may write to whom', async () => {
  const session = await clear();
  await expect(session, [[`MAIL FROM:<${alice}>`, '553 5.7.1'], ['MAIL FROM:<>', '250 2.1.0'], ['RCPT TO:<nobody@acme.example>', '550 5.1.1'],
    ['RCPT TO:<carol@partner.example>', '550 5.7.1'], ['RCPT TO:<carol%partner.example@acme.example>', '550 5.1.1'],
    ['RCPT TO:<@acme.example:carol@partner.example>', '550 5.7.1'], ['RCPT TO:<Alice@ACME.example>', '250 2.1.5'],
    ['RCPT TO:<bob@globex.example>', '452 4.5.3'], ['RSET', '250 2.0.0']]);
  await session.quit();
  const member = await smtpConnect(inst, { auth: alice });
  assert.match(member.auth.text, /^235 2\.7\.0/);
  await expect(member, [['MAIL FROM:<admin@acme.example>', '553 5.7.1'], ['MAIL FROM:<>', '553 5.7.1'], [`MAIL FROM:<${alice}> AUTH=<>`, '250 2.1.0'],
    ['RCPT TO:<carol@partner.example>', '250 2.1.5'], ['RCPT TO:<bob@globex.example>', '250 2.1.5'],
    ['RCPT TO:<admin@acme.example>', '250 2.1.5'], ['RCPT TO:<nobody@acme.example>', '550 5.1.1']]);
  await member.quit();
});

test('AUTH: under TLS only, once, between transactions', async () => {
  const response = Buffer.from(`\0${alice}\0${demoPassword}`).toString('base64');
  const plain = await clear();
  await expect(plain, [[`AUTH PLAIN ${response}`, '538 5.7.11'], ['AUTH PLAIN', '538 5.7.11'], [`MAIL FROM:<${alice}>`, '553 5.7.1']]);
  await plain.quit();
  for (const secure of ['starttls', 'implicit']) {
    const session = await smtpConnect(inst, { secure });
    await expect(session, [['AUTH LOGIN', '504 5.5.4'], ['AUTH PLAIN', '334'], ['*', '501 '], ['AUTH PLAIN !', '501 5.5.2'],
      [`AUTH PLAIN ${Buffer.from(`\0${alice}\0wrong`).toString('base64')}`, '535 5.7.8'],
      [`AUTH PLAIN ${Buffer.from(`\0nobody@acme.example\0${demoPassword}`).toString('base64')}`, '535 5.7.8'],
      [`MAIL FROM:<${outside}>`, '250 2.1.0'], [`AUTH PLAIN ${response}`, '503 5.5.1'], ['RSET', '250'],
      ['AUTH PLAIN', '334'], [response, '235 2.7.0'], [`AUTH PLAIN ${response}`, '503 5.5.1']]);
    await session.quit();
  }
});

test('what is sent behind STARTTLS in clear is dropped, and the clear session forgotten', async () => {
  const before = await stored();
  const session = await clear();
  session.send(`MAIL FROM:<${outside}>\r\nRSET\r\nSTARTTLS\r\nEHLO evil.example\r\nMAIL FROM:<evil@partner.example>\r\n`
    + `RCPT TO:<${alice}>\r\nDATA\r\nSubject: injected\r\n\r\nx\r\n.\r\n`);
  for (const want of ['250 2.1.0', '250 2.0.0', '220 2.0.0']) {
    assert.ok((await session.reply()).text.startsWith(want));
  }
  assert.equal(session.received, '');
  session.socket.removeAllListeners();
  const secured = tls.connect({ socket: session.socket, servername: 'localhost', ca: inst.ca });
  await once(secured, 'secureConnect');
  session.attach(secured);
  await expect(session, [[`MAIL FROM:<${outside}>`, '503 5.5.1'], ['EHLO client.example', '250-'], [`RCPT TO:<${alice}>`, '503 5.5.1'],
    ['NOOP', '250 2.0.0']]);
  await session.quit();
  assert.equal(await stored(), before);
});

test('EHLO in the same flight as the end of the handshake does not stall', async () => {
  for (let i = 0; i < 5; i += 1) {
    const session = await clear();
    await expect(session, [['STARTTLS', '220']]);
    session.socket.removeAllListeners();
    const secured = tls.connect({ socket: session.socket, servername: 'localhost', ca: inst.ca });
    session.attach(secured);
    session.send('EHLO client.example\r\n'); // leaves with Finished
    assert.equal((await session.reply(5000)).code, 250);
    await session.quit();
  }
});

test('pipelining: all but the answer to DATA may be awaited together (RFC 2920 3.1)', async () => {
  const before = await stored();
  const envelope = `MAIL FROM:<${outside}>\r\nRCPT TO:<nobody@acme.example>\r\nRCPT TO:<${alice}>\r\nDATA\r\n`;
  const text = (n) => `Message-ID: <pipelined-${n}@client.example>\r\nSubject: ${n}\r\n\r\n${n}\r\n.\r\n`;
  const session = await clear();
  const answered = async (packet, ...wants) => {
    session.send(packet);
    for (const want of wants) {
      const reply = await session.reply();
      assert.ok(reply.text.startsWith(want), `${want}: ${reply.text}`);
    }
  };
  const opened = ['250 2.1.0', '550 5.1.1', '250 2.1.5', '354'];
  await answered(envelope, ...opened);
  await answered(`${text(1)}${envelope}`, '250 2.0.0', ...opened);
  await answered(`${text(2)}QUIT\r\n`, '250 2.0.0', '221 2.0.0');
  session.close();
  assert.equal(await stored(), before + 2);
});

test('no sequence of CR, LF, NUL and dot makes two messages of one', async () => {
  const before = await stored();
  const second = `MAIL FROM:<evil@partner.example>\r\nRCPT TO:<${alice}>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n`;
  for (const end of ['\n.\n', '\n.\r\n', '\r.\r', '\r.\n', '\r\n.\n', '\r\n.\r', '\r.\r\n', '\r\n\0.\r\n', '\r\n.\0\r\n', '\r\r\n.\r\r\n']) {
    const session = await inData();
    session.send(`Subject: first\r\n\r\nbody${end}${second}`);
    const { text } = await session.reply();
    assert.match(text, /^550 5\.6\.0/, JSON.stringify(end));
    await expect(session, [['NOOP', '250 2.0.0']]);
    assert.equal(session.received, '', 'one reply to one message');
    await session.quit();
  }
  assert.equal(await stored(), before);
});

test('a message over the limit is refused, at once where SIZE says so; at the limit it is taken', async () => {
  const before = await stored();
  const session = await smtpConnect(inst);
  await expect(session, [[`MAIL FROM:<${outside}> SIZE=${limit + 1}`, '552 5.3.4']]);
  const line = `${'x'.repeat(76)}\r\n`;
  const head = 'Subject: big\r\n\r\n';
  const sized = (n) => {
    const rest = n - head.length;
    const lines = Math.floor(rest / line.length) - 1;
    return Buffer.from(`${head}${line.repeat(lines)}${'y'.repeat(rest - lines * line.length - 2)}\r\n`);
  };
  for (const [size, want] of [[limit + 1, '552 5.3.4'], [limit, '250 2.0.0']]) {
    await expect(session, [[`MAIL FROM:<${outside}>`, '250'], [`RCPT TO:<${alice}>`, '250'], ['DATA', '354']]);
    session.send(sized(size));
    session.send('.\r\n');
    const { text } = await session.reply(120000);
    assert.ok(text.startsWith(want), `${size}: ${text}`);
  }
  await expect(session, [['NOOP', '250 2.0.0']]);
  await session.quit();
  assert.equal(await stored(), before + 1);
});

test('a thousand recipients are taken, one more is 452, one of them again is not more', async () => {
  const session = await smtpConnect(inst, { auth: alice });
  await expect(session, [[`MAIL FROM:<${alice}>`, '250']]);
  session.send(Array.from({ length: 1001 }, (_, i) => `RCPT TO:<r${i}@partner.example>\r\n`).join(''));
  for (let i = 0; i < 1000; i += 1) assert.equal((await session.reply()).code, 250, `recipient ${i}`);
  assert.match((await session.reply()).text, /^452 4\.5\.3/);
  await expect(session, [['RCPT TO:<R0@Partner.example>', '250 2.1.5'], ['RCPT TO:<new@partner.example>', '452 4.5.3'], ['RSET', '250']]);
  await session.quit();
});

test('the stored message is the bytes that were sent, behind one trace field', async () => {
  const odd = Buffer.from(['From: x@partner.example', 'Subject: odd bytes', 'Message-ID: <odd@client.example>', '',
    '.', '..', '. leading dot', `${'long '.repeat(12000)}`, 'caf\u00e9', ' trailing \t', '', '', ''].join('\r\n'), 'latin1');
  const session = await inData({ helo: 'odd.example' });
  assert.equal((await session.data(odd)).code, 250);
  await session.quit();
  const reader = await signIn(inst, 'acme.localhost', alice);
  const [id] = messageIds((await reader.go('/inbox')).text);
  const { body: raw } = await reader.go(`/message/${id}/raw`);
  const trace = /^Received: from odd\.example \(\[127\.0\.0\.1\]\)\r\n\tby \S+ with ESMTP\r\n\tid [0-9a-f]{16}; [^\r\n]+\r\n/
    .exec(raw.toString('latin1'));
  assert.ok(trace, raw.subarray(0, 300).toString('latin1'));
  assert.ok(raw.subarray(trace[0].length).equals(odd));
});

test('swaks, as the README shows it', async () => {
  const { status, stdout } = await run('swaks', ['--server', `${inst.host}:${inst.ports.SMTP_PORT}`, '--tls', '--auth', 'PLAIN',
    '--auth-user', alice, '--auth-password', demoPassword, '--from', alice, '--to', 'dora@partner.example',
    '--header', 'Subject: Quarterly figures', '--body', 'In the attachment.', '--attach', '@LICENSE']);
  assert.equal(status, 0, stdout);
  assert.match(stdout, /^<~\s+250 2\.0\.0 /m);
  const wrong = await run('swaks', ['--server', `${inst.host}:${inst.ports.SMTPS_PORT}`, '--tlsc', '--auth', 'PLAIN',
    '--auth-user', alice, '--auth-password', 'wrong', '--from', alice, '--to', 'dora@partner.example']);
  assert.match(wrong.stdout, /535 5\.7\.8/);
});

test('the database away: 451, and the same session goes on when it is back', async () => {
  const session = await smtpConnect(inst);
  const pid = await inst.kill('postgres');
  const replies = new Set();
  let tries = 0;
  // For a moment the old connections live on: first it must go, then come back. Of a domain
  // that was asked for a moment ago a process still knows whose it is: each is another.
  await until(async () => {
    const away = replies.has(451);
    const { code } = await session.command(`MAIL FROM:<x@${tries++}.partner.example>`);
    replies.add(code);
    if (code === 250 && !away) await session.command('RSET');
    return code === 250 && away;
  }, { what: '451 to MAIL, then 250', every: 5 });
  assert.deepEqual([...replies].filter((code) => code !== 250 && code !== 451), []);
  await inst.back('postgres', pid);
  await expect(session, [[`RCPT TO:<${alice}>`, '250'], ['DATA', '354']]);
  assert.equal((await session.data(compose({ from: outside, to: alice, subject: 'After the fall' }))).code, 250);
  await session.quit();
});

test('a client that leaves in the middle leaves nothing behind', async () => {
  const before = await stored();
  const session = await inData();
  session.send('Subject: never finished\r\n\r\nx\r\n');
  session.close();
  const busy = await clear();
  busy.send(`MAIL FROM:<${outside}>\r\nRCPT TO:<${alice}>\r\n`);
  busy.close();
  await sleep(200);
  assert.equal((await sendMail(inst, { from: outside, to: alice, auth: null })).code, 250);
  assert.equal(await stored(), before + 1);
});

test('the log of all this holds no credential, no address, no line of a message', async () => {
  const log = await inst.log('intake');
  const secrets = [demoPassword, Buffer.from(`\0${alice}\0${demoPassword}`).toString('base64'), alice, outside, 'smuggled', 'odd bytes', 'Quarterly'];
  for (const secret of secrets) assert.ok(!log.includes(secret), secret);
  assert.ok(log.includes('message accepted'), 'the log was written at all');
});
