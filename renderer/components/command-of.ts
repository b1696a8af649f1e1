// Remedies come as a command or as a sentence; a command can be copied.

const COMMAND = /^(sudo |castaway |systemctl |nft |ufw |firewall-cmd |sysctl |ip )/;
const PLACEHOLDER = /\b[A-Z]{3,}\b/;

/** The command that a remedy consists of; undefined: it is a sentence, or a command with something to fill in. */
export function commandOf(remedy: string): string | undefined {
  return COMMAND.test(remedy) && !PLACEHOLDER.test(remedy) && !/[.]$/.test(remedy) ? remedy : undefined;
}
