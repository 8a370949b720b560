// The XML of S3's answers: elements in each other, with text. By hand, since nothing else here reads XML and S3 needs so little of it: a parser that
// is kept well brings 10 to 100 times as much code, for what no store sends. What is left out (attributes, comments, declarations, namespaces) is
// read over; what is not well-formed is no answer.

export interface XmlElement {
  readonly name: string;
  /** What stands in it outside of other elements. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface OpenElement {
  readonly name: string;
  text: string;
  readonly children: OpenElement[];
}

const TOKEN =
  /<\?[^]*?\?>|<!--[^]*?-->|<!\[CDATA\[([^]*?)\]\]>|<\/([^\s>]+)\s*>|<([^\s/>!?]+)(?:\s(?:[^>"']|"[^"]*"|'[^']*')*?)?(\/?)>|([^<]+)/y;
const DEPTH_MAX = 20;

/** The outermost element; undefined if `text` is not well-formed, or goes on after it. */
export function parseXml(text: string): XmlElement | undefined {
  const outside: OpenElement = { name: "", text: "", children: [] };
  const open = [outside];
  const token = new RegExp(TOKEN);
  token.lastIndex = text.startsWith("\uFEFF") ? 1 : 0;
  while (token.lastIndex < text.length) {
    const found = token.exec(text);
    const inside = open.at(-1);
    if (found === null || inside === undefined) return undefined;
    const [, literal, closing, opening, empty, plain] = found;
    if (literal !== undefined) inside.text += literal;
    if (plain !== undefined) {
      const decoded = decodeEntities(plain);
      if (decoded === undefined) return undefined;
      inside.text += decoded;
    }
    if (opening !== undefined) {
      const element = { name: opening, text: "", children: [] };
      inside.children.push(element);
      if (empty === "") open.push(element);
      if (open.length > DEPTH_MAX) return undefined;
    }
    if (closing !== undefined) {
      if (inside === outside || inside.name !== closing) return undefined;
      open.pop();
    }
  }
  const [root, ...others] = outside.children;
  return open.length === 1 && others.length === 0 && outside.text.trim() === "" ? root : undefined;
}

/** The text of the child `name`; undefined if there is none. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

const NAMED: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };

function decodeEntities(text: string): string | undefined {
  let isKnown = true;
  const decoded = text.replace(/&(#x[0-9a-f]{1,6}|#\d{1,7}|[a-z]+);|&/gi, (_, entity: string | undefined) => {
    const char = entity === undefined ? undefined : charOf(entity);
    isKnown &&= char !== undefined;
    return char ?? "";
  });
  return isKnown ? decoded : undefined;
}

function charOf(entity: string): string | undefined {
  if (!entity.startsWith("#")) return NAMED[entity];
  const code = entity[1]?.toLowerCase() === "x" ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1));
  return code > 0x10ffff ? undefined : String.fromCodePoint(code);
}
