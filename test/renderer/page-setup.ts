// What jsdom lacks of a browser's page, as far as the interface needs it: dialogs that open, a system that prefers
// nothing, and sizes.
import { configure } from "@testing-library/svelte";

configure({ asyncUtilTimeout: 20_000 }); // screens are fetched when they are opened, and machines are shared

HTMLDialogElement.prototype.showModal ??= function (this: HTMLDialogElement) {
  this.open = true;
};
HTMLDialogElement.prototype.close ??= function (this: HTMLDialogElement) {
  if (!this.open) return;
  this.open = false;
  this.dispatchEvent(new Event("close"));
};
window.matchMedia ??= (media) =>
  Object.assign(new EventTarget(), {
    media,
    matches: false,
    onchange: null,
    addListener: () => {},
    removeListener: () => {},
  });
window.scrollTo = () => {};
// Nothing is laid out, so no size ever changes.
globalThis.ResizeObserver ??= class {
  observe(): void {}
  unobserve(): void {}
  disconnect(): void {}
};
