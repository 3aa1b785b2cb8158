// floods.mjs: what one address can throw at the portal: slow clients by the thousand
// (slowhttptest), bare connections, handshakes, requests, bodies. All bounded.
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import net from 'node:net';
import { run, sleep } from './process.mjs';
import { Wire, portalOf } from './wire.mjs';

export const slowModes = {
  'slow heads': ['-H', '-i', '3'],
  'slow bodies': ['-B', '-i', '3', '-s', '8192'],
  ranges: ['-R', '-a', '5', '-b', '3000'],
  'slow readers': ['-X', '-w', '512', '-y', '1024', '-n', '3', '-z', '32', '-k', '3'],
};

/**
 * slowhttptest from 127.0.0.1 for `seconds`: { done, output }; done resolves to the counts
 * it told last: { connected, closed, error, pending }, and whether it `began`.
 */
export function slow(inst, mode, { connections, seconds, path, rate = connections }) {
  const args = [...slowModes[mode], '-c', String(connections), '-r', String(rate), '-l', String(seconds), '-x', '24',
    '-u', `https://127.0.0.1:${inst.ports.HTTPS_PORT}${path}`, '-p', '3', '-v', '2'];
  const done = run('sh', ['-c', 'ulimit -n 12000 2>/dev/null || ulimit -n "$(ulimit -Hn)"; exec slowhttptest "$@"', 'sh', ...args],
    { timeout: (seconds + 60) * 1000 }).then(({ stdout, stderr }) => {
    const plain = (stdout + stderr).replace(/\x1b\[[\d;]*m/g, '');
    const last = (name) => Number([...plain.matchAll(new RegExp(`^${name}:?\\s+(\\d+)`, 'gm'))].at(-1)?.[1] ?? NaN);
    return { connected: last('connected'), closed: last('closed'), error: last('error'), pending: last('pending'),
      began: /Test ended on/.test(plain), text: plain.slice(-1500) };
  });
  return done;
}

/** Opens connections from one address as fast as it can, without a word, and keeps them: { open, refused, end() }. */
export async function bareConnections(inst, { count, from = '127.0.0.1' }) {
  const sockets = [];
  let refused = 0;
  for (let i = 0; i < count; i++) {
    const socket = net.connect({ host: inst.host, port: inst.ports.HTTPS_PORT, localAddress: from });
    socket.on('error', () => { refused += 1; }).on('end', () => { refused += 1; });
    sockets.push(socket);
    if (i % 50 === 49) await sleep(5);
  }
  await sleep(500);
  return {
    get refused() { return refused; },
    end() { for (const socket of sockets) socket.destroy(); },
  };
}

/** Half a handshake, over and over, from one address until stop(): { begun, stop() }. */
export function halfHandshakes(inst, { at = 20, from = '127.0.0.1' } = {}) {
  let going = true;
  let begun = 0;
  const hello = Buffer.concat([Buffer.from('160301020001000001fc0303', 'hex'), randomBytes(200)]);
  const one = async () => {
    while (going) {
      await new Promise((done) => {
        const socket = net.connect({ host: inst.host, port: inst.ports.HTTPS_PORT, localAddress: from },
          () => { begun += 1; socket.write(hello); setTimeout(() => socket.destroy(), 20); });
        socket.on('error', () => {}).on('close', () => setTimeout(done, 1));
      });
    }
  };
  const all = Promise.all(Array.from({ length: at }, one));
  return { get begun() { return begun; }, async stop() { going = false; await all; } };
}

/**
 * Whole handshakes, a request each or many pipelined ones, from one address until stop():
 * { statuses, stop() }; statuses counts the answers, and "closed" those that got none.
 */
export function requests(inst, { at = 20, pipelined = 20, path = '/', from = '127.0.0.1', cookie }) {
  let going = true;
  const statuses = new Map();
  const count = (what) => statuses.set(what, (statuses.get(what) ?? 0) + 1);
  const bytes = `GET ${path} HTTP/1.1\r\nHost: acme.localhost\r\n${cookie ? `Cookie: ${cookie}\r\n` : ''}\r\n`.repeat(pipelined);
  const one = async () => {
    while (going) {
      const wire = await Wire.open({ ...portalOf(inst), from }).catch(() => undefined);
      if (!wire) {
        count('no connection');
        await sleep(20);
        continue;
      }
      wire.send(bytes);
      for (let i = 0; i < pipelined && going; i++) {
        const answer = await wire.answer({ timeout: 10000 }).catch(() => undefined);
        count(answer?.status ?? 'closed');
        if (!answer || answer.headers.connection === 'close') break;
      }
      wire.close();
    }
  };
  const all = Promise.all(Array.from({ length: at }, one));
  return { statuses, async stop() { going = false; await all; return Object.fromEntries(statuses); } };
}

/**
 * Bodies of strangers: `count` POSTs that announce `length` bytes and give a few every
 * second; { statuses, end() }.
 */
export async function strangersBodies(inst, { count, length, path = '/login', from = '127.0.0.1' }) {
  const statuses = new Map();
  const tally = (what) => statuses.set(what, (statuses.get(what) ?? 0) + 1);
  const wires = [];
  const timers = [];
  for (let i = 0; i < count; i++) {
    const wire = await Wire.open({ ...portalOf(inst), from }).catch(() => undefined);
    if (!wire) {
      tally('no connection');
      continue;
    }
    wires.push(wire);
    wire.send(`POST ${path} HTTP/1.1\r\nHost: acme.localhost\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: ${length}\r\n\r\nx=`);
    timers.push(setInterval(() => { if (!wire.closed) wire.send('y'); }, 1000));
    wire.answer({ timeout: 60000 }).then((answer) => { if (answer) tally(answer.status); }, () => {});
  }
  return {
    statuses,
    end() {
      for (const timer of timers) clearInterval(timer);
      for (const wire of wires) wire.close();
      return Object.fromEntries(statuses);
    },
  };
}
