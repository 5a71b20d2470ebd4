/** The syntax of server-sent events (WHATWG HTML §9.2.6), as far as a Nexus uses it. */

/** One message of a stream; one without data only says how far it has come. */
export type StreamMessage = { readonly event: string; readonly data: string; readonly id: string };

const nothing: StreamMessage = { event: '', data: '', id: '' };

/** Takes a stream's text as it comes, and gives the messages that it completes. */
export function createStreamParser(): (text: string) => StreamMessage[] {
  let rest = '';
  let message = nothing;
  return (text) => {
    const messages: StreamMessage[] = [];
    // A CR at the end may be half of a line's end.
    const lines = (rest + text).split(/\r\n|\n|\r(?!$)/);
    rest = lines.pop() ?? '';
    for (const line of lines) {
      const [, name = '', value = ''] = /^([^:]*):? ?(.*)$/s.exec(line) ?? [];
      if (line === '') {
        if (message.data || message.id) messages.push({ ...message, data: message.data.slice(0, -1) });
        message = nothing;
      } else if (name === 'data') message = { ...message, data: `${message.data}${value}\n` };
      else if (name === 'event' || name === 'id') message = { ...message, [name]: value };
    }
    return messages;
  };
}
