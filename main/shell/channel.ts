/** The one channel between the preload script and the main process. What goes through is text of main/contract. */
export const CHANNEL = "castaway";
