/** `nexus explain`: the whole story of an event. */
import { withEvents } from '../event-source.js';
import { showStory } from '../show-story.js';
import { databaseOption, defineVerb, hostOption } from '../verb.js';

export const explain = defineVerb({
  name: 'explain',
  summary: 'Show what became of an event: reactors, attempts, children',
  about: `Over HTTP the token must be of a node that may read the event; messages of errors are for admins.`,
  over: ['file', 'http'],
  args: [{ name: 'id', help: 'The id of the event' }],
  options: { ...databaseOption, ...hostOption },
  examples: [
    { line: 'nexus explain 0199d2c4-6f1e-7c3a-9d27-0c5a2b1e4f60', says: 'as a tree' },
    { line: 'nexus explain 0199d2c4-6f1e-7c3a-9d27-0c5a2b1e4f60 --json', says: 'as one JSON document' },
  ],
  run: async (call) => {
    const [id = ''] = call.args;
    const story = await withEvents(call, async (log) => await log.explain(id));
    if (call.terminal.json) call.terminal.data(story);
    else showStory(call.terminal, story);
    return 0;
  },
});
