// The elements of a small XML document that somebody hostile may have written: names without their prefixes, text,
// no attributes. Document type declarations, and with them entities of the document's own, are refused.
import { DecodeError } from "#wire/cursor.ts";

const MAX_LENGTH = 128 * 1024;
const MAX_ELEMENTS = 4_096;
const MAX_DEPTH = 32;
const MAX_NAME = 128;

export interface XmlElement {
  readonly name: string;
  /** Its own text, without that of its children, and without white space at both ends. */
  readonly text: string;
  readonly children: readonly XmlElement[];
}

interface Open {
  readonly name: string;
  readonly children: XmlElement[];
  text: string;
}

/** The root element. Throws DecodeError. */
export function decodeXml(document: string): XmlElement {
  if (document.length > MAX_LENGTH) throw new DecodeError("XML length", document.length, MAX_LENGTH);
  const root: Open = { name: "", children: [], text: "" };
  const open: Open[] = [root];
  let elements = 0;
  for (let at = 0; at < document.length;) {
    const top = open.at(-1)!;
    const tag = document.indexOf("<", at);
    top.text += entities(document.slice(at, tag < 0 ? document.length : tag));
    if (tag < 0) break;
    if (document.startsWith("<!--", tag)) {
      at = behind(document, "-->", tag + 4);
      continue;
    }
    if (document.startsWith("<![CDATA[", tag)) {
      at = behind(document, "]]>", tag + 9);
      top.text += document.slice(tag + 9, at - 3);
      continue;
    }
    if (document.startsWith("<!", tag)) throw new DecodeError("XML declaration", "<!", "elements alone");
    at = behind(document, ">", tag + 1);
    const inside = document.slice(tag + 1, at - 1);
    if (inside.startsWith("?")) continue;
    if (inside.startsWith("/")) {
      if (open.length === 1 || localName(inside.slice(1)) !== top.name)
        throw new DecodeError("XML end tag", inside.slice(0, 32), top.name || "none");
      close(open);
      continue;
    }
    if (++elements > MAX_ELEMENTS) throw new DecodeError("XML elements", elements, MAX_ELEMENTS);
    const empty = inside.endsWith("/");
    open.push({ name: localName(empty ? inside.slice(0, -1) : inside), children: [], text: "" });
    if (open.length > MAX_DEPTH) throw new DecodeError("XML depth", open.length, MAX_DEPTH);
    if (empty) close(open);
  }
  if (open.length !== 1) throw new DecodeError("XML end", open.at(-1)!.name, "all elements closed");
  const [only] = root.children;
  if (!only || root.children.length !== 1) throw new DecodeError("XML roots", root.children.length, 1);
  return only;
}

/** All elements of that name, at any depth, in the order of the document. */
export function elementsOf(root: XmlElement, name: string): XmlElement[] {
  const below = root.children.flatMap((child) => elementsOf(child, name));
  return root.name === name ? [root, ...below] : below;
}

/** The text of the first child of that name. */
export function childText(element: XmlElement, name: string): string | undefined {
  return element.children.find((child) => child.name === name)?.text;
}

function close(open: Open[]): void {
  const { name, children, text } = open.pop()!;
  open.at(-1)!.children.push({ name, text: text.trim(), children });
}

function behind(document: string, end: string, from: number): number {
  const at = document.indexOf(end, from);
  if (at < 0) throw new DecodeError("XML markup", document.slice(from, from + 16), `an end "${end}"`);
  return at + end.length;
}

function localName(tag: string): string {
  const name = /^[^\s/>]{0,128}/.exec(tag)![0];
  if (name === "" || name.length >= MAX_NAME) throw new DecodeError("XML name", tag.slice(0, 32), MAX_NAME);
  return name.slice(name.lastIndexOf(":") + 1);
}

const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"', apos: "'" };

/** Those that XML itself has; what else looks like one stays as it is. */
function entities(text: string): string {
  if (!text.includes("&")) return text;
  return text.replace(/&(lt|gt|amp|quot|apos);/g, (_all, name: string) => ENTITIES[name]!);
}
