// bombs.mjs: messages made to cost much come by SMTP. Each is answered with a clear code, the
// session goes on, the worker never grows by more than 64 MiB, and ten times the input takes at
// most twelve times the processor's time, which is printed.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import fs from 'node:fs/promises';
import { startInstallation } from '../lib/installation.mjs';
import { smtpConnect } from '../lib/smtp.mjs';
import { children } from '../lib/process.mjs';

const from = 'alice@acme.example';
const to = 'admin@acme.example';
const MiB = 1024 * 1024;
let inst;
let session;
let workers;

before(async () => {
  inst = await startInstallation();
  session = await smtpConnect(inst, { auth: from });
  workers = await children(await inst.pid('intake'));
});
after(async () => {
  await session?.quit();
  await inst?.stop();
});

/** Of all workers together: most memory ever, in bytes, and milliseconds of processor. */
async function spent() {
  let memory = 0;
  let cpu = 0;
  for (const pid of workers) {
    memory += Number(/VmHWM:\s+(\d+)/.exec(await fs.readFile(`/proc/${pid}/status`, 'latin1'))[1]) * 1024;
    const stat = await fs.readFile(`/proc/${pid}/stat`, 'latin1');
    const [user, system] = stat.slice(stat.lastIndexOf(')') + 2).split(' ').slice(11, 13).map(Number);
    cpu += (user + system) * 10;
  }
  return { memory, cpu };
}

async function give(parts) {
  for (const line of [`MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA']) {
    const reply = await session.command(line);
    assert.ok(reply.code === 250 || reply.code === 354, `${line}: ${reply.text}`);
  }
  for (const part of parts) {
    if (!session.socket.write(part) && !session.closed) await new Promise((drained) => session.socket.once('drain', drained));
  }
  session.send('\r\n.\r\n');
  return session.reply(120000);
}

const mixed = 'Content-Type: multipart/mixed; boundary=b\r\n\r\n';
const line = `${'x'.repeat(70)}\r\n`;
const numbered = (n, make) => (share) => Array.from({ length: Math.ceil(n * share) }, (_, i) => make(i)).join('');
const repeated = (n, text) => (share) => text.repeat(Math.ceil(n * share));

/** What it is, what begins it, what fills it (of a share), what ends it, the code that answers all of it. */
const bombs = [
  ['plain text of 40 MiB', '\r\n', repeated(40 * MiB / 72, line), '', 250],
  ['zeros that pack well', 'Content-Type: application/octet-stream\r\n\r\n', repeated(40 * MiB / 72, `${'0'.repeat(70)}\r\n`), '', 250],
  ['base64 of 40 MiB', 'Content-Transfer-Encoding: base64\r\n\r\n', repeated(40 * MiB / 78, `${'QUFB'.repeat(19)}\r\n`), '', 250],
  ['quoted-printable', 'Content-Transfer-Encoding: quoted-printable\r\n\r\n', repeated(30 * MiB / 74, `${'=41'.repeat(24)}\r\n`), '', 250],
  ['a million parts', mixed, repeated(1e6, '--b\r\n\r\nx\r\n'), '--b--\r\n', 250],
  ['10,000 levels', '', numbered(10000, (i) => `Content-Type: multipart/mixed; boundary="b${i}."\r\n\r\n--b${i}.\r\n`), '\r\nx', 250],
  ['empty lines', '\r\n', repeated(10e6, '\r\n'), '', 250],
  ['a page of tags', 'Content-Type: text/html\r\n\r\n', repeated(2e6, '<div><b><a>\r\n'), '', 250],
  ['long headers of parts', mixed, repeated(150, `--b\r\nContent-Type: text/plain; name="${'n'.repeat(4000)}"\r\n${`X: ${line}`.repeat(3000)}\r\nx\r\n`), '--b--\r\n', 250],
  ['a header of 45 MiB', '', repeated(45 * MiB / 75, `X: ${line}`), '\r\nx', 554],
  ['a million Received', '', numbered(1e6, (i) => `Received: from a by b; ${i}\r\n`), '\r\nx', 554],
  ['a million addresses', 'To: a@b.example', numbered(1e6, (i) => `,\r\n p${i}@c.example`), '\r\n\r\nx', 554],
  ['a name in pieces', 'Content-Disposition: attachment', numbered(1e6, (i) => `;\r\n filename*${i}*=a`), '\r\n\r\nx', 554],
  ['words without end', 'Subject: x', repeated(1e6, '\r\n =?utf-8?B?YQ==?='), '\r\n\r\nx', 554],
  ['one line of 45 MiB', '\r\n', repeated(45 * 1024, 'x'.repeat(1024)), '', 550],
];

test('each is answered, in little memory', async () => {
  const wrong = [];
  const first = await spent();
  for (const [what, head, fill, tail, code] of bombs) {
    const took = [];
    for (const share of [0.1, 1]) {
      const parts = [Buffer.from(`Subject: ${what} ${share}\r\n`), Buffer.from(head + fill(share) + tail)];
      const then = await spent();
      const reply = await give(parts);
      took.push((await spent()).cpu - then.cpu);
      if (share === 1 && reply.code !== code) wrong.push(`${what}: ${reply.text}`);
      if (share === 1) took.push(took[1] / (parts[1].length / MiB));
    }
    // Its clock ticks every ten milliseconds: of less than five nothing can be said.
    if (took[1] > 12 * Math.max(took[0], 50)) wrong.push(`${what}: ${took[0]} ms for a tenth, ${took[1]} ms`);
    console.log(`said: ${what}: ${took[0]} ms for a tenth, ${took[1]} ms, ${took[2].toFixed(1)} ms a MiB`);
  }
  const { memory } = await spent();
  console.log(`said: ${((memory - first.memory) / MiB).toFixed(1)} MiB more at most`);
  assert.deepEqual(wrong, []);
  assert.ok(memory - first.memory < 64 * MiB, `${memory - first.memory}`);
});

test('much announced and little sent', async () => {
  const then = await spent();
  assert.match((await session.command(`MAIL FROM:<${from}> SIZE=1073741824`)).text, /^552 5\.3\.4/);
  const others = await Promise.all(Array.from({ length: 20 }, () => smtpConnect(inst, { auth: from })));
  for (const other of others) {
    for (const command of [`MAIL FROM:<${from}> SIZE=52000000`, `RCPT TO:<${to}>`]) assert.equal((await other.command(command)).code, 250);
    if (/CHUNKING/.test(other.ehlo.text)) other.send('BDAT 52000000 LAST\r\n');
    else assert.equal((await other.command('DATA')).code, 354);
    other.send(line.repeat(MiB / 72));
  }
  await new Promise((later) => setTimeout(later, 1000));
  const { memory } = await spent();
  for (const other of others) other.close();
  assert.ok(memory - then.memory < 64 * MiB, `${memory - then.memory}`);
});

test('the worker is the one it was, and takes mail', async () => {
  assert.deepEqual(await children(await inst.pid('intake')), workers);
  assert.equal((await give([Buffer.from('Subject: after\r\n\r\nx')])).code, 250);
  assert.doesNotMatch(await inst.log('intake'), /"error":"(internal|corrupt)"|complained|violation/);
});
