/** `npx tsx examples/browser-page/main.ts`: the page at http://127.0.0.1:3100, and something to see on it. */
import { startPageHost } from './host.js';
import { sayNext } from './news.js';

const host = await startPageHost(Number(process.env.PORT ?? 3_100));
console.log(`open ${host.url}`);

let n = 0;
const talking = setInterval(() => void sayNext(host.nexus, n++), 1_500);
process.once('SIGINT', () => {
  clearInterval(talking);
  void host.close();
});
