/** The reference: the guides, and everything that package.json exports, out of its comments. `npm run docs` writes it. */
import { readFileSync } from 'node:fs';
import { CommentTag, Converter } from 'typedoc';

const { exports: subpaths } = JSON.parse(readFileSync(`${import.meta.dirname}/package.json`, 'utf8'));

/** What only an adapter needs stands apart from what everybody uses. */
const ADAPTERS = 'Storage contract';
const setApart = ({ converter }) =>
  converter.on(Converter.EVENT_CREATE_DECLARATION, (context, declaration) => {
    const [file = ''] = context
      .getSymbolFromReflection(declaration)
      ?.declarations?.map((each) => each.getSourceFile().fileName) ?? [''];
    if (/\/src\/storage\/[^/]+\.ts$/.test(file) && declaration.parent?.parent === context.project)
      declaration.comment?.blockTags.push(new CommentTag('@group', [{ kind: 'text', text: ADAPTERS }]));
  });

/** @type {Partial<import('typedoc').TypeDocOptions>} */
export default {
  name: 'NEØ Nexus',
  entryPoints: Object.keys(subpaths)
    .filter((subpath) => /^\.(\/[a-z]+)?$/.test(subpath))
    .map((subpath) => (subpath === '.' ? 'src/index.ts' : `src${subpath.slice(1)}/index.ts`)),
  projectDocuments: ['docs/*.md'],
  out: 'reference',
  plugin: [setApart],
  excludeInternal: true,
  // Links to lines need a git remote, which a copy of the project may not have.
  disableSources: true,
  jsDocCompatibility: { defaultTag: false },
  groupOrder: [
    'Documents',
    'Modules',
    'Functions',
    'Classes',
    'Variables',
    'Interfaces',
    'Type Aliases',
    ADAPTERS,
  ],
  navigation: { includeGroups: true },
  // No signature mentions a type that has no name outside, and no link leads nowhere.
  validation: { notExported: true, invalidLink: true, invalidPath: true, rewrittenLink: true },
  treatWarningsAsErrors: true,
};
