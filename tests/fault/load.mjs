// load.mjs: the same as in integration, alone on the machine: there a page waits at most three
// times as long while eight clients sign in.
process.env.MOST ??= '3';
await import('../integration/http_load.mjs');
