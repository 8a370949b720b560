// What the page looks like, as data, and what makes the document look like that: only what differs is touched, so that focus, scroll
// position, selection and typed text survive a live update. Own code, for its size: the libraries that do this are several times as
// long, and build what they show from markup or need a compiler. Text only ever becomes a text node.

type Attribute = string | number | boolean | null | undefined;

export interface Props {
  /** Tells siblings apart that come, go and move. */
  readonly key?: string;
  readonly on?: Readonly<Record<string, (event: Event) => void>>;
  /** Custom properties and styles: the policy of the page forbids style attributes. */
  readonly style?: Readonly<Record<string, string>>;
  /** Called once, with the element, when it is in the document. */
  readonly init?: (element: HTMLElement) => void;
  readonly [attribute: string]: Attribute | Readonly<Record<string, unknown>> | ((element: HTMLElement) => void);
}

export interface Shape {
  readonly tag: string;
  readonly props: Props;
  readonly children: readonly (Shape | string)[];
}

export type Content = Shape | string | number | null | undefined | false | readonly Content[];

interface Mounted {
  shape: Shape | string;
  readonly node: Node;
  children: readonly Mounted[];
}

const SPECIAL = new Set(["key", "on", "style", "init"]);
const mountedIn = new WeakMap<Element, readonly Mounted[]>();
const shapeOf = new WeakMap<Element, Shape>();

export function h(tag: string, props: Props | null, ...children: readonly Content[]): Shape {
  return { tag, props: props ?? {}, children: flatten(children) };
}

/** Numbers and texts beside each other become one text. */
function flatten(contents: readonly Content[], into: (Shape | string)[] = []): (Shape | string)[] {
  for (const content of contents) {
    if (content === null || content === undefined || content === false || content === "") continue;
    if (isMany(content)) {
      flatten(content, into);
      continue;
    }
    const one = typeof content === "number" ? String(content) : content;
    const last = into.at(-1);
    if (typeof one === "string" && typeof last === "string") into[into.length - 1] = last + one;
    else into.push(one);
  }
  return into;
}

function isMany(content: Content): content is readonly Content[] {
  return Array.isArray(content);
}

/** Makes what `parent` holds look like `content`. What it holds was put there by this function, or is nothing. */
export function draw(parent: Element, ...content: readonly Content[]): void {
  const focused = document.activeElement;
  const inits: (() => void)[] = [];
  mountedIn.set(parent, patchChildren(parent, mountedIn.get(parent) ?? [], flatten(content), inits));
  for (const init of inits) init();
  // An element that was moved has lost it.
  if (focused instanceof HTMLElement && focused !== document.activeElement && focused.isConnected) {
    focused.focus({ preventScroll: true });
  }
}

function patchChildren(
  parent: Element,
  before: readonly Mounted[],
  shapes: readonly (Shape | string)[],
  inits: (() => void)[],
): readonly Mounted[] {
  // Of a kind, the first is taken for the first.
  const waiting = new Map<string, Mounted[]>();
  for (const mounted of before.toReversed()) {
    const kind = kindOf(mounted.shape);
    const alike = waiting.get(kind);
    if (alike === undefined) waiting.set(kind, [mounted]);
    else alike.push(mounted);
  }
  const found = shapes.map((shape) => waiting.get(kindOf(shape))?.pop());
  const used = new Set(found);
  for (const mounted of before) if (!used.has(mounted)) parent.removeChild(mounted.node);
  let cursor: Node | null = parent.firstChild;
  return shapes.map((shape, i) => {
    const mounted = found[i] ?? mount(shape, inits);
    if (found[i] !== undefined) update(mounted, shape, inits);
    // One that has moved down is taken out, and put in again when its turn comes: the others stay where they are.
    if (cursor !== null && cursor !== mounted.node && cursor.nextSibling === mounted.node) {
      const moved: Node = cursor;
      cursor = mounted.node;
      parent.removeChild(moved);
    }
    if (cursor === mounted.node) cursor = cursor.nextSibling;
    else parent.insertBefore(mounted.node, cursor);
    return mounted;
  });
}

/** What may become what: texts, and elements of one tag and one key. */
function kindOf(shape: Shape | string): string {
  return typeof shape === "string" ? "" : `${shape.tag} ${shape.props.key ?? ""}`;
}

function mount(shape: Shape | string, inits: (() => void)[]): Mounted {
  if (typeof shape === "string") return { shape, node: document.createTextNode(shape), children: [] };
  const element = document.createElement(shape.tag);
  setProps(element, {}, shape.props);
  shapeOf.set(element, shape);
  const children = patchChildren(element, [], shape.children, inits);
  const { init } = shape.props;
  if (init !== undefined) inits.push(() => init(element));
  return { shape, node: element, children };
}

function update(mounted: Mounted, shape: Shape | string, inits: (() => void)[]): void {
  const { shape: before, node } = mounted;
  if (before === shape) return;
  mounted.shape = shape;
  if (typeof shape === "string" || typeof before === "string") {
    node.nodeValue = shape as string;
    return;
  }
  const element = node as HTMLElement;
  setProps(element, before.props, shape.props);
  shapeOf.set(element, shape);
  mounted.children = patchChildren(element, mounted.children, shape.children, inits);
}

function setProps(element: HTMLElement, before: Props, now: Props): void {
  for (const name of new Set([...Object.keys(before), ...Object.keys(now)])) {
    if (SPECIAL.has(name) || before[name] === now[name]) continue;
    const value = now[name] as Attribute;
    if (value === undefined || value === null || value === false) element.removeAttribute(name);
    else element.setAttribute(name, value === true ? "" : String(value));
  }
  for (const [name, value] of Object.entries(now.style ?? {})) {
    if (before.style?.[name] !== value) element.style.setProperty(name, value);
  }
  // The listener stays; what it calls is what was drawn last.
  for (const type of Object.keys(now.on ?? {})) {
    if (before.on?.[type] === undefined) element.addEventListener(type, dispatch);
  }
}

function dispatch(event: Event): void {
  const element = event.currentTarget as Element;
  shapeOf.get(element)?.props.on?.[event.type]?.(event);
}
