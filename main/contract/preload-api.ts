/** `window.castaway`, which main/shell/preload.ts makes: text alone crosses, and is parsed on both sides. */
export interface PreloadApi {
  send(text: string): void;
  onMessage(handler: (text: string) => void): void;
}
