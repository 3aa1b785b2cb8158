// smtp_grid.mjs: what ends a message and what is a command, over sockets. Strings of CR, LF,
// NUL, dot and a letter inside and at the end of DATA, cut anywhere: each is one message or
// one refusal, as a model of RFC 5321 says. Then what public testers for smuggling and for
// commands injected before STARTTLS send.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import tls from 'node:tls';
import { once } from 'node:events';
import { startInstallation } from '../lib/installation.mjs';
import { smtpConnect } from '../lib/smtp.mjs';
import { sleep } from '../lib/process.mjs';

const alice = 'alice@acme.example';
const outside = 'grid@partner.example';
const strings = 2000;
const sessions = 16;
let inst;

before(async () => { inst = await startInstallation(); });
after(() => inst?.stop());

const stored = async () => Number((await inst.rows('SELECT count(*) FROM message'))[0][0]);

/** Numbers that look random and are the same every time. */
function numbers(seed) {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

/** A string of three to six bytes: any, or one in which CR and LF stand together. */
function pick(next) {
  const length = 3 + next(4);
  const tokens = next(2) ? ['\r', '\n', '\0', '.', 'a'] : ['\r\n', '.', 'a', '\r\n.'];
  for (;;) {
    const string = Array.from({ length }, () => tokens[next(tokens.length)]).join('').slice(0, length);
    if (tokens.length === 5 || !string.endsWith('\r')) return string;
  }
}

/**
 * What RFC 5321 4.1.1.4 makes of the octets behind 354: { end, clean }: where the message
 * ends, and whether CR and LF stood only together, and no NUL anywhere.
 */
function model(text) {
  const found = `\r\n${text}`.indexOf('\r\n.\r\n');
  const end = found === -1 ? -1 : found + 3;
  const message = text.slice(0, found === -1 ? undefined : found);
  return { end, clean: !/\0|\r(?!\n)|(?<!\r)\n/.test(message) };
}

/** A connection just behind 354. */
async function inData() {
  const session = await smtpConnect(inst, { secure: 'none' });
  session.send(`MAIL FROM:<${outside}>\r\nRCPT TO:<${alice}>\r\nDATA\r\n`);
  for (const code of [250, 250, 354]) assert.equal((await session.reply()).code, code);
  session.socket.setNoDelay(true);
  return session;
}

/** Sends text in pieces that end at the given places, each in a packet of its own. */
async function pieces(session, text, cuts) {
  let start = 0;
  for (const cut of [...new Set(cuts)].sort((a, b) => a - b)) {
    session.send(Buffer.from(text.slice(start, cut), 'latin1'));
    start = cut;
    await new Promise(setImmediate);
  }
  session.send(Buffer.from(text.slice(start), 'latin1'));
}

const second = `MAIL FROM:<evil@partner.example>\r\nRCPT TO:<${alice}>\r\nDATA\r\nSubject: second\r\n\r\nx\r\n`;

/** One string in one message. Gives how many messages were taken. */
async function one(n, string, atEnd, cuts) {
  const head = `Subject: grid ${n}\r\n\r\none`;
  const text = atEnd ? `${head}${string}` : `${head}${string}${second}`;
  const whole = `${text}\r\n.\r\nNOOP\r\n`;
  const { end, clean } = model(whole);
  const session = await inData();
  await pieces(session, whole, cuts.map((cut) => head.length + cut));
  const first = await session.reply();
  const name = JSON.stringify({ n, string, atEnd, cuts, first: first.text });
  assert.match(first.text, clean ? /^250 2\.0\.0 Taken/ : /^550 5\.6\.0/, name);
  if (end + 6 === whole.length) {
    // All of it was the message: one answer for it, one for NOOP, and nothing more.
    assert.match((await session.reply()).text, /^250 2\.0\.0 Still here/, name);
    session.send('QUIT\r\n');
    assert.equal((await session.reply()).code, 221, name);
    assert.equal(session.received, '', name);
    session.close();
    return clean ? 1 : 0;
  }
  // An honest end within it: what follows are commands, and perhaps a message of its own.
  let taken = clean ? 1 : 0;
  session.send('QUIT\r\n');
  for (let reply = await session.reply().catch(() => undefined); reply; reply = await session.reply().catch(() => undefined)) {
    taken += / Taken as /.test(reply.text) ? 1 : 0;
  }
  session.close();
  return taken;
}

test(`${strings} strings: one message or one refusal each`, { timeout: 120000 }, async () => {
  const next = numbers(20);
  const before = await stored();
  const work = Array.from({ length: strings }, (_, n) => {
    const string = pick(next);
    return [n, string, next(2) === 1, Array.from({ length: next(4) }, () => next(string.length + 8))];
  });
  let taken = 0;
  await Promise.all(Array.from({ length: sessions }, async () => {
    for (let item = work.pop(); item; item = work.pop()) {
      const got = await one(...item);
      taken += got;
    }
  }));
  assert.ok(taken > strings / 5 && taken < strings * 4 / 5, `${taken} taken`);
  assert.equal(await stored() - before, taken);
});

// Ends of data that some servers honour and others do not: what the public testers send.
const falseEnds = ['\n.\n', '\n.\r\n', '\r.\r', '\r.\n', '\r.\r\n', '\r\n.\n', '\r\n.\r', '\r\n\0.\r\n', '\r\n.\0\r\n', '\n\n.\r\n',
  '\r\r\n.\r\r\n', '\r\n.\r\r\n', '\n\r.\n\r', '\r\n\r.\r\n', '\n.\r', '\0\n.\r\n', '\r\n.\n\r\n', '.\n', '\r\n \r.\r\n'];

test('no false end of data makes a second message, in one packet or in two', async () => {
  const before = await stored();
  for (const [n, end] of falseEnds.entries()) {
    for (const split of [[], [0], [1], [end.length]]) {
      const session = await inData();
      const head = `Subject: false ${n} ${split}\r\n\r\none`;
      await pieces(session, `${head}${end}${second}\r\n.\r\nNOOP\r\n`, split.map((at) => head.length + at));
      assert.match((await session.reply()).text, /^550 5\.6\.0/, JSON.stringify(end));
      assert.match((await session.reply()).text, /^250 2\.0\.0 Still here/, JSON.stringify(end));
      await session.quit();
    }
  }
  assert.equal(await stored(), before);
});

test('the control: behind an honest end, and with each answer waited for, there are two', async () => {
  const before = await stored();
  const session = await inData();
  session.send('Subject: first\r\n\r\none\r\n.\r\n');
  assert.equal((await session.reply()).code, 250);
  const [commands, text] = second.split(/(?<=DATA\r\n)/);
  session.send(commands);
  for (const code of [250, 250, 354]) assert.equal((await session.reply()).code, code);
  session.send(`${text}.\r\n`);
  assert.equal((await session.reply()).code, 250);
  await session.quit();
  assert.equal(await stored(), before + 2);
});

test('behind an honest end, but sent ahead of 354, there is one', async () => {
  const before = await stored();
  const session = await inData();
  session.send(`Subject: honest\r\n\r\none\r\n.\r\n${second}.\r\n`);
  const codes = [];
  for (let i = 0; i < 4; i += 1) codes.push((await session.reply()).code);
  assert.deepEqual(codes, [250, 250, 250, 503]);
  await assert.rejects(session.reply());
  session.close();
  assert.equal(await stored(), before + 1);
});

test('who goes ahead of EHLO, HELO or DATA is let go', async () => {
  for (const ahead of ['EHLO c.example\r\nNOOP\r\n', 'HELO c.example\r\nMAIL FROM:<>\r\n', 'DATA\r\nx\r\n.\r\n']) {
    const session = await smtpConnect(inst, { secure: 'none', helo: null });
    session.send(ahead);
    assert.match((await session.reply()).text, /^503 5\.5\.1 /, ahead);
    await assert.rejects(session.reply());
    session.close();
  }
});

/** STARTTLS with something behind it; gives what is answered to EHLO under TLS, or undefined. */
async function inject(text, cuts) {
  const session = await smtpConnect(inst, { secure: 'none' });
  session.socket.setNoDelay(true);
  await pieces(session, `STARTTLS\r\n${text}`, cuts);
  assert.match((await session.reply()).text, /^220 2\.0\.0/);
  assert.equal(session.received, '');
  session.socket.removeAllListeners();
  session.socket.on('error', () => {});
  const secured = tls.connect({ socket: session.socket, servername: 'localhost', ca: inst.ca });
  try {
    await once(secured, 'secureConnect');
  } catch {
    return undefined; // what came later than the 220 was taken for a handshake, and is none
  }
  session.attach(secured);
  await sleep(20);
  assert.equal(session.received, '', 'something was answered that was said in clear');
  const ehlo = await session.command('EHLO client.example');
  await session.quit();
  return ehlo;
}

test('nothing said in clear behind STARTTLS is answered under TLS, however it is cut', async () => {
  const injected = `NOOP\r\nEHLO evil.example\r\nMAIL FROM:<evil@partner.example>\r\nRCPT TO:<${alice}>\r\n`;
  let shaken = 0;
  for (let cut = 0; cut <= 'STARTTLS\r\n'.length + 8; cut += 1) {
    const ehlo = await inject(injected, [cut]);
    if (!ehlo) continue;
    shaken += 1;
    assert.equal(ehlo.code, 250);
    assert.ok(ehlo.lines.includes('AUTH PLAIN'));
  }
  assert.ok(shaken >= 5, `${shaken} handshakes`);
  for (const text of ['', '\r\n', 'X', 'RSET\r\n', 'QUIT\r\n', 'NOOP\r\nNOOP\r\n', 'A'.repeat(20000)]) {
    const ehlo = await inject(text, []);
    if (ehlo) assert.equal(ehlo.code, 250);
  }
});

test('the control: the same words are answered where no handshake comes between', async () => {
  const session = await smtpConnect(inst, { secure: 'starttls' });
  session.send('NOOP\r\nNOOP\r\n');
  for (let i = 0; i < 2; i += 1) assert.match((await session.reply()).text, /^250 2\.0\.0/);
  await session.quit();
});

test('who speaks before the banner gets none', async () => {
  for (let i = 0; i < 20; i += 1) {
    const socket = net.connect(inst.ports.SMTP_PORT, inst.host);
    socket.on('error', () => {});
    socket.write('EHLO early.example\r\nMAIL FROM:<>\r\n'); // leaves with the connection's first packets
    let received = '';
    socket.on('data', (data) => { received += data; });
    await once(socket, 'close');
    assert.match(received, /^(554 5\.5\.\d |220 .*\r\n503 5\.5\.1 )/, received);
  }
});
