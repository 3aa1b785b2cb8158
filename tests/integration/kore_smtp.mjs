// kore_smtp.mjs: intake's front under many connections, and at its end.
import { test, before, after } from 'node:test';
import assert from 'node:assert/strict';
import net from 'node:net';
import { once } from 'node:events';
import { startInstallation, listening } from '../lib/installation.mjs';
import { smtpConnect } from '../lib/smtp.mjs';
import { alive, sleep, until } from '../lib/process.mjs';

const idle = 900; // below the 1,024 descriptors a test may have

let inst;
before(async () => { inst = await startInstallation(); });
after(async () => { await inst?.stop(); });

test(`${idle} idle sessions keep nobody waiting`, async () => {
  const sockets = [];
  for (let i = 0; i < idle; i += 1) {
    const socket = net.connect(inst.ports.SMTP_PORT, inst.host);
    socket.on('error', () => {});
    sockets.push(socket);
  }
  await Promise.all(sockets.map((socket) => once(socket, 'data')));
  const session = await smtpConnect(inst);
  const start = Date.now();
  for (let i = 0; i < 20; i += 1) assert.equal((await session.command('NOOP')).code, 250);
  assert.ok(Date.now() - start < 1000);
  await session.quit();
  for (const socket of sockets) socket.destroy();
});

test('a client that sends and does not read holds up nobody, and is answered when it does', async () => {
  const rude = net.connect(inst.ports.SMTP_PORT, inst.host);
  rude.on('error', () => {});
  await once(rude, 'data'); // who speaks before the banner is not heard
  rude.pause();
  const blocks = 3000; // 18 MB: more than the kernel holds between the two
  for (let i = 0; i < blocks; i += 1) rude.write('NOOP\r\n'.repeat(1000));
  await sleep(500);
  assert.ok(rude.writableLength > 0, 'intake reads on although nobody takes its replies');
  const session = await smtpConnect(inst);
  assert.equal((await session.command('NOOP')).code, 250);
  await session.quit();
  let lines = 0;
  rude.resume().on('data', (data) => { for (const byte of data) lines += byte === 10; });
  await until(() => lines === blocks * 1000, { timeout: 60000, what: 'every reply' });
  rude.destroy();
});

test('clients that vanish in every state', async () => {
  for (const words of ['', 'EHLO x\r\n', 'EHLO x\r\nSTARTTLS\r\n', 'EHLO x\r\nMAIL FROM:<a@b.example>\r\n',
    'EHLO x\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<alice@acme.example>\r\nDATA\r\nSubject: x\r\n']) {
    for (let i = 0; i < 10; i += 1) {
      const socket = net.connect(inst.ports.SMTP_PORT, inst.host);
      socket.on('error', () => {});
      await once(socket, 'connect');
      socket.write(words);
      if (i % 2) await sleep(20);
      socket.resetAndDestroy?.() ?? socket.destroy();
    }
  }
  const session = await smtpConnect(inst);
  assert.equal((await session.command('NOOP')).code, 250);
  await session.quit();
});

test('SIGTERM: 421 to who waits, refused to who comes, and the end', async () => {
  const session = await smtpConnect(inst);
  const pid = await inst.kill('intake', 'SIGTERM');
  assert.equal((await session.reply()).code, 421);
  await until(() => session.closed);
  await until(async () => !(await alive(pid)), { timeout: 5000, what: 'the end of intake' });
  await inst.back('intake', pid);
  await until(() => listening(inst.ports.SMTP_PORT));
  const next = await smtpConnect(inst);
  assert.equal((await next.command('NOOP')).code, 250);
  await next.quit();
});
