/** Hands a text to the system's own way of sending it. Whoever closes that again has changed their mind. */
export async function share(text: string): Promise<void> {
  try {
    await navigator.share({ text });
  } catch (error) {
    if (!(error instanceof DOMException)) throw error; // dismissed, or not permitted: the copy buttons stand beside it
  }
}
