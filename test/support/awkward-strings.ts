/** Strings that have broken something somewhere: made by kind, so that every kind is whole. */

const range = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String.fromCodePoint(from + i));

const controls = [...range(0x00, 0x1f), ...range(0x7f, 0x9f)];
const spaces = [...range(0x2000, 0x200f), ...range(0x2028, 0x202f), '\u00a0', '\u1680', '\u3000', '\ufeff'];
const bidi = [...range(0x202a, 0x202e), ...range(0x2066, 0x2069), '\u061c', '\u200e', '\u200f'];
const emoji = ['😀', '👩‍👩‍👧‍👦', '🏳️‍🌈', '🇧🇷', '👍🏿', '1️⃣', '❤️', '🫠', '🧑‍💻', '\u{1f3f4}\u{e0067}\u{e007f}'];
const scripts = [
  'Ω≈ç√∫˜µ≤≥÷',
  'Ёлка',
  'שלום עולם',
  'مرحبا بالعالم',
  'こんにちは',
  '안녕하세요',
  '你好，世界',
  'สวัสดี',
  'नमस्ते',
  'Straße ẞ ﬀ',
  'İıIi',
  'e\u0301 é',
  'Z̸̛͉a̴͖͝l̵̡̀g̶̰̈o̷̧͝',
  '𝕳𝖊𝖑𝖑𝖔',
  '\u{10ffff}',
  '\ue000',
  '\ufffd',
  '\ufffe\uffff',
];
const surrogates = ['\ud800', '\udfff', 'a\ud83d', '\ude00b', '\ude00\ud83d'].map((each) =>
  each.toWellFormed(),
);
const numbers = [
  '0',
  '-0',
  '1e309',
  'NaN',
  'Infinity',
  '-1',
  '9007199254740993',
  '0x10',
  '1,000',
  '١٢٣',
  '½',
];
const words = ['', 'null', 'undefined', 'true', 'false', 'nil', 'None', '(null)', 'constructor', 'then'];
const keys = ['hasOwnProperty', 'toString', '__proto__', 'prototype', '$ref', '$where', '#text', '@class'];
const quotes = [
  '"',
  "'",
  '`',
  '\\',
  '\\"',
  '\\u0000',
  "''''",
  '""""',
  '“”',
  '«»',
  '\\n',
  '\\r\\n',
  '%00',
  '%0d%0a',
];
const json = [
  '{}',
  '[]',
  '{"a":1}',
  '[1,2',
  '"a"',
  '{"event":"FAKE"}',
  '}],"seq":1',
  '\\u0022,"seq":0,"x":"',
];
const sse = [
  'a\nb',
  'a\rb',
  'a\r\nb',
  '\n\n',
  '\r\n\r\ndata: fake\r\n\r\n',
  '\nid: 999999\n\n',
  '\nevent: FAKE\ndata: {}\n\n',
  ': comment',
  'data: x',
  '\nretry: 1\n',
  'a\u2028b\u2029c',
  'a\u0085b',
];
const sql = [
  "' OR 1=1 --",
  '1; DROP TABLE events',
  "Robert'); DROP TABLE nexus_events;--",
  "' UNION SELECT 1",
];
const html = [
  '<script>alert(1)</script>',
  '</textarea>',
  '<!--',
  ']]>',
  '<img src=x onerror=alert(1)>',
  '&lt;&amp;',
];
const shells = [
  '$(touch /tmp/x)',
  '`id`',
  '; ls -la',
  '| cat',
  '../../etc/passwd',
  '${7*7}',
  '{{7*7}}',
  '%s%n%x',
];
const wire = [
  'HTTP/1.1 200 OK\r\n\r\n',
  'Bearer x',
  'ws://x',
  '\u0001\u0000\u0004',
  'EOF',
  '\u0004',
  '\u001b[31m',
];
const bodies = ['a', 'é', '😀', '\u0000', '"', '\\', '\n', '\u2028'];
const long = [125, 126, 127, 255, 256, 4_095, 65_535, 65_536].flatMap((length) =>
  bodies.map((body) => body.repeat(length).slice(0, length).toWellFormed()),
);
const single = [
  ...controls,
  ...spaces,
  ...bidi,
  ...emoji,
  ...scripts,
  ...surrogates,
  ...numbers,
  ...words,
  ...keys,
  ...quotes,
  ...json,
  ...sse,
  ...sql,
  ...html,
  ...shells,
  ...wire,
];

/** Each alone, amid letters and twice, and long runs of what takes escapes or several bytes. */
export const awkwardStrings: readonly string[] = [
  ...new Set([...single, ...single.flatMap((each) => [`before${each}after`, `${each}${each}.`]), ...long]),
];
