// measure.mjs: what the HTTPS benchmarks share: the client, wrk, medians, processor time
// and, with PERF=1, where it went.
import { spawn } from 'node:child_process';
import fs from 'node:fs/promises';
import path from 'node:path';
import { bin, must, run, top } from '../../lib/process.mjs';
import { cpuBelow } from './cpu.mjs';

export const median = (list) => [...list].sort((a, b) => a - b)[Math.floor((list.length - 1) / 2)];

/** Builds the client; gives its path. */
export async function buildClient() {
  const out = path.join(bin, 'bench', 'client');
  await fs.mkdir(path.dirname(out), { recursive: true });
  await must('cc', ['-std=c11', '-D_GNU_SOURCE', '-O2', '-o', out, path.join(top, 'tests/bench/lib/client.c'),
    '-lssl', '-lcrypto', '-pthread']);
  return out;
}

/** What the client prints, as numbers. */
export const figures = (text) => Object.fromEntries([...text.matchAll(/(\w+)=([\d.]+)/g)].map(([, key, n]) => [key, Number(n)]));

/** wrk on one page: { rate, p99 (ms), bad }; bad counts answers that are no 2xx and errors of sockets. */
export async function wrk(port, target, { connections, seconds, headers = {} }) {
  const args = ['-t1', `-c${connections}`, `-d${seconds}s`, '--latency'];
  for (const [name, value] of Object.entries({ Host: 'acme.localhost', ...headers })) args.push('-H', `${name}: ${value}`);
  const text = await must('wrk', [...args, `https://127.0.0.1:${port}${target}`], { timeout: (seconds + 60) * 1000 });
  const ms = ([, n, unit]) => Number(n) * { us: 0.001, ms: 1, s: 1000, m: 60000 }[unit];
  const errors = text.match(/Socket errors: connect (\d+), read (\d+), write (\d+), timeout (\d+)/);
  return {
    rate: Number(text.match(/Requests\/sec:\s+([\d.]+)/)[1]),
    p99: ms(text.match(/99%\s+([\d.]+)(us|ms|s|m)\b/) ?? ['', 0, 'ms']),
    bad: Number(text.match(/Non-2xx or 3xx responses: (\d+)/)?.[1] ?? 0)
      + (errors ? errors.slice(1).reduce((sum, n) => sum + Number(n), 0) : 0),
  };
}

/** Runs `work`; what it gives, and the processor seconds that each process took meanwhile. */
export async function withCpu(pids, work) {
  const read = async () => Object.fromEntries(await Promise.all(Object.entries(pids).map(async ([name, pid]) => [name, await cpuBelow(pid)])));
  const before = await read();
  const value = await work();
  const after = await read();
  return { value, cpu: Object.fromEntries(Object.keys(before).map((name) => [name, (after[name] - before[name]) / 1000])) };
}

/** Runs `work` under perf, system wide, and prints the functions that took most of it. */
export async function profiled(title, work) {
  if (!process.env.PERF) return work();
  const data = path.join(bin, 'bench', 'perf.data');
  const perf = spawn('perf', ['record', '-q', '-a', '-F', '499', '-o', data], { stdio: 'ignore' });
  const over = new Promise((done) => { perf.on('close', done).on('error', done); });
  const value = await work();
  perf.kill('SIGINT');
  await over;
  const report = async (least, ...args) => (await run('perf', ['report', '-i', data, '--stdio', '--percent-limit', least, ...args], { timeout: 300000 }))
    .stdout.split('\n').filter((line) => /^\s+\d/.test(line)).map((line) => line.replace(/[\s-]+$/, '').slice(0, 110));
  const ours = ['--comms', 'restante,work,hash,postgres,restante-keyd,restante-courie', '--percentage', 'relative'];
  console.log(`\n---- ${title}: where the processors were (perf, %): all; ours; functions of ours`);
  console.log([...(await report('2', '--sort', 'comm')), '', ...(await report('1', '--sort', 'comm,dso', ...ours)), '',
    ...(await report('1', '--sort', 'comm,symbol', ...ours)).slice(0, 40)].join('\n'));
  await fs.rm(data, { force: true });
  return value;
}
