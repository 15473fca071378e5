import type { CleanAttributes } from "./attributes.ts";
import type { ConsoleNode } from "./console_view.ts";

/** A root that stays open for long must not fill the memory with what it will show one day. */
const MAX_NODES = 1000;
const MAX_EVENTS = 100;

interface Node extends ConsoleNode {
  readonly tree: Tree;
}

interface Tree {
  size: number;
  shown: boolean;
}

/** Grows the trees of open root scopes, and shows each when its root has ended. */
export class ConsoleTrees {
  readonly #show: (node: ConsoleNode) => void;

  constructor(show: (node: ConsoleNode) => void) {
    this.#show = show;
  }

  /** Opens a scope under its parent; without one, or under one that was shown already, it is a tree of its own. */
  open(
    parent: Node | undefined,
    name: string,
    traceId: string,
    attributes: CleanAttributes,
    start: number,
  ): Node {
    const under = parent === undefined || parent.tree.shown ? undefined : parent;
    const tree = under?.tree ?? { size: 0, shown: false };
    const node: Node = {
      name,
      traceId,
      start,
      status: "unset",
      attributes,
      events: [],
      links: [],
      children: [],
      omitted: 0,
      tree,
    };
    if (under === undefined) this.#roots.add(node);
    else if (tree.size < MAX_NODES) under.children.push(node);
    else under.omitted++;
    tree.size++;
    return node;
  }

  readonly #roots = new WeakSet<Node>();

  event(node: Node, name: string, attributes: CleanAttributes, time: number): void {
    if (node.events.length < MAX_EVENTS) node.events.push({ name, time, attributes });
    else node.omitted++;
  }

  /** Ends a scope, and shows it if nothing that is still to be shown holds it. */
  close(node: Node, end: number): void {
    node.end = end;
    const root = this.#roots.has(node);
    if (!root && !node.tree.shown) return;
    if (root) node.tree.shown = true;
    this.#show(node);
  }
}

export type { Node as ConsoleTreeNode };
