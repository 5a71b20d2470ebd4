/** The page: what the SDK hears, as rows. Every text of an event is set as text, never as HTML. */
import {
  createNexusClient,
  type ConnectionState,
  type CursorPosition,
  type RemoteEvent,
} from '@neo-protocol/nexus/sdk';

const MOST_ROWS = 200;
const hues = ['#3ddc97', '#6aa8ff', '#f5b83d', '#c792ff', '#ff8fa3', '#5fd7e5'];
const recent: number[] = [];
let seen = 0;

const settings = (await (await fetch('settings.json')).json()) as { url: string; token: string };
const client = createNexusClient({ ...settings, onState: showState });

client.onEvent('*', (_payload, { event }) => showEvent(event), {
  after: 0,
  cursor: {
    // Per tab: a reload goes on where it was.
    load: () => JSON.parse(sessionStorage.getItem('nexus') ?? 'null') as CursorPosition,
    save: (seq, logId) => {
      sessionStorage.setItem('nexus', JSON.stringify({ seq, logId }));
      at('position').textContent = seq.toLocaleString();
    },
  },
});
setInterval(showRate, 1_000);
addEventListener('pagehide', () => void client.close());

function showState(state: ConnectionState): void {
  const pill = at('state');
  pill.dataset.state = state.state;
  pill.textContent = sayState(state);
  pill.title = 'error' in state ? (state.error?.message ?? '') : '';
}

function sayState(state: ConnectionState): string {
  if (state.state === 'live')
    return `live over ${state.transport === 'sse' ? 'server-sent events' : 'WebSocket'}`;
  if (state.state === 'waiting') return `lost; again in ${(state.delayMs / 1_000).toFixed(1)} s`;
  return state.state === 'closed' && state.error ? `over: ${state.error.code}` : state.state;
}

function showEvent({ seq, type, source, payload, timestamp }: RemoteEvent): void {
  const row = element('li', '');
  const hash = Array.from(type).reduce((sum, letter) => (sum * 31 + letter.charCodeAt(0)) % 997, 0);
  row.style.setProperty('--hue', hues[hash % hues.length] ?? '');
  const name = element('span', type, 'type');
  name.append(element('small', source));
  const time = element('time', new Date(timestamp).toLocaleTimeString());
  row.append(
    element('span', `#${seq}`, 'seq'),
    name,
    element('code', JSON.stringify(payload, null, 1)),
    time,
  );
  const rows = at('events');
  rows.prepend(row);
  while (rows.childElementCount > MOST_ROWS) rows.lastElementChild?.remove();
  at('nothing').hidden = true;
  seen += 1;
  recent.push(Date.now());
  at('seen').textContent = seen.toLocaleString();
  at('source').textContent = source;
  showRate();
}

function showRate(): void {
  while ((recent[0] ?? Infinity) < Date.now() - 60_000) recent.shift();
  at('rate').textContent = recent.length.toLocaleString();
}

function at(id: string): HTMLElement {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found;
}

function element(name: string, text: string, className = ''): HTMLElement {
  const made = document.createElement(name);
  made.textContent = text;
  made.className = className;
  return made;
}
