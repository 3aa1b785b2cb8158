// reader.mjs: a process of its own that reads pages steadily and tells how long each took:
// what it measures is not disturbed by the test that started it. As a program: one JSON
// argument; a line of JSON for every request.
import { spawn } from 'node:child_process';
import https from 'node:https';
import { fileURLToPath } from 'node:url';

const median = (list) => quantile(list, 0.5);

/** The q-quantile of a list of numbers, from below. */
export function quantile(list, q) {
  const sorted = [...list].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
}

/**
 * Reads `paths` in turn, one every `every` ms, with the cookies of `visitor`, from the
 * address `from`; every tenth over a new connection. window(ms) gives { n, failed, p50,
 * p95, p99, max } of the requests begun in the next ms; rest() until now and from the last.
 */
export function startReader(inst, visitor, { paths = ['/inbox'], every = 50, from = '127.0.0.2' } = {}) {
  const cookie = [...visitor.cookies].map((pair) => pair.join('=')).join('; ');
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), JSON.stringify({
    host: visitor.host, port: inst.ports.HTTPS_PORT, ca: inst.ca.toString(), cookie, paths, every, from })],
  { stdio: ['ignore', 'pipe', 'inherit'] });
  const seen = [];
  let rest = '';
  child.stdout.setEncoding('utf8').on('data', (text) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop();
    for (const line of lines) seen.push(JSON.parse(line));
  });
  const atExit = () => child.kill();
  process.once('exit', atExit);
  const between = (begin, end) => {
    const some = seen.filter(({ at }) => at >= begin && at < end);
    const times = some.map(({ ms }) => ms);
    const bad = some.filter(({ status }) => status !== 200);
    return { n: some.length, failed: bad.length, why: bad.slice(0, 5).map(({ status, error }) => error ?? status),
      p50: median(times), p95: quantile(times, 0.95), p99: quantile(times, 0.99), max: Math.max(...times) };
  };
  return {
    between,
    async window(ms) {
      const begin = Date.now();
      await new Promise((done) => setTimeout(done, ms));
      const end = Date.now();
      // Those begun last have not ended yet.
      for (let i = 0; i < 100 && !(seen.at(-1)?.at >= end); i++) await new Promise((done) => setTimeout(done, 100));
      return between(begin, end);
    },
    stop() {
      process.removeListener('exit', atExit);
      child.kill();
    },
  };
}

async function main({ host, port, ca, cookie, paths, every, from }) {
  const kept = new https.Agent({ keepAlive: true, maxSockets: 4 });
  const one = (path, agent) => new Promise((resolve) => {
    const at = Date.now();
    const began = process.hrtime.bigint();
    const finish = (more) => resolve({ at, ms: Number(process.hrtime.bigint() - began) / 1e6, ...more });
    const request = https.request({ host: '127.0.0.1', port, servername: host, ca, agent, path, localAddress: from,
      headers: { host: `${host}:${port}`, cookie } }, (response) => {
      response.on('data', () => {}).on('error', (error) => finish({ error: error.message }));
      response.on('end', () => finish({ status: response.statusCode }));
    });
    // A kept connection that the server has just closed is asked again, as browsers do.
    request.on('error', (error) => {
      if (request.reusedSocket && error.code === 'ECONNRESET') one(path, false).then(resolve);
      else finish({ error: error.message });
    });
    request.setTimeout(30000, () => request.destroy(new Error('30 s')));
    request.end();
  });
  for (let i = 0; ; i++) {
    const began = Date.now();
    one(paths[i % paths.length], i % 10 === 9 ? false : kept).then((said) => process.stdout.write(`${JSON.stringify(said)}\n`));
    await new Promise((done) => setTimeout(done, Math.max(1, every - (Date.now() - began))));
  }
}

if (process.argv[1] === fileURLToPath(import.meta.url)) await main(JSON.parse(process.argv[2]));
