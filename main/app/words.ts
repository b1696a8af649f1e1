// The words of the tray and of notifications. The window has its own, in renderer/i18n; these are few, and a menu is
// there before any window.
import type { Language } from "#main/contract/settings.ts";
import type { Service, ServiceAction } from "#main/contract/state.ts";

/** Texts with {places} that `fill` takes. */
export interface Words {
  readonly open: string;
  readonly view: string;
  readonly quit: string;
  readonly quitAlone: string;
  readonly disconnectAndQuit: string;
  readonly connect: string;
  readonly connectNamed: string;
  readonly disconnect: string;
  readonly disconnectNamed: string;
  readonly copyInvite: string;
  readonly copyInviteNamed: string;
  readonly members: string;
  readonly moreMembers: string;
  readonly offline: string;
  readonly you: string;
  readonly noNetworks: string;
  readonly waiting: string;
  readonly network: Readonly<Record<"off" | "connecting" | "connected" | "refused" | "attention", string>>;
  readonly service: Readonly<Record<Service["state"], string>>;
  readonly act: Readonly<Record<ServiceAction, string>>;
  readonly notice: {
    readonly connected: string;
    readonly refused: string;
    readonly attention: string;
    readonly request: string;
    readonly requestHint: string;
    readonly serviceAway: string;
    readonly serviceBack: string;
    readonly linkCopied: string;
    readonly linkCopiedHint: string;
    readonly failed: string;
  };
}

const en: Words = {
  open: "Open Castaway",
  view: "View",
  quit: "Quit",
  quitAlone: "Quit (the tunnel stays up)",
  disconnectAndQuit: "Disconnect and quit",
  connect: "Connect",
  connectNamed: "Connect {network}",
  disconnect: "Disconnect",
  disconnectNamed: "Disconnect {network}",
  copyInvite: "Copy an invite link",
  copyInviteNamed: "Copy an invite link for {network}",
  members: "Members of {network}: {online} of {all} online",
  moreMembers: "More: {count}",
  offline: "offline",
  you: "this computer",
  noNetworks: "No network yet",
  waiting: "{name} wants to join {network}",
  network: {
    off: "{network}: not connected",
    connecting: "{network}: connecting",
    connected: "{network}: connected",
    refused: "{network}: the host refused",
    attention: "{network}: needs attention",
  },
  service: {
    connecting: "Looking for the service",
    running: "The service runs",
    restarting: "The service restarts",
    stopped: "The service is not running",
    missing: "The service is not installed",
    mismatch: "The service and the app are of different versions",
    refused: "The service does not let you in",
    untrusted: "What answers is not the system's service",
  },
  act: {
    install: "Install the service",
    start: "Start the service",
    restart: "Restart the service",
    update: "Update the service",
    allow: "Let me use the service",
    remove: "Remove the service",
  },
  notice: {
    connected: "{network} is connected",
    refused: "The host of {network} refused",
    attention: "{network} needs attention",
    request: "{name} wants to join {network}",
    requestHint: "Open Castaway to say yes or no.",
    serviceAway: "The Castaway service is not there",
    serviceBack: "The Castaway service is back",
    linkCopied: "The invite link is copied",
    linkCopiedHint: "Whoever has it can join {network}: send it as you would send a key.",
    failed: "That did not work",
  },
};

const de: Words = {
  open: "Castaway öffnen",
  view: "Ansicht",
  quit: "Beenden",
  quitAlone: "Beenden (der Tunnel bleibt bestehen)",
  disconnectAndQuit: "Trennen und beenden",
  connect: "Verbinden",
  connectNamed: "{network} verbinden",
  disconnect: "Trennen",
  disconnectNamed: "{network} trennen",
  copyInvite: "Einladungslink kopieren",
  copyInviteNamed: "Einladungslink für {network} kopieren",
  members: "Mitglieder von {network}: {online} von {all} online",
  moreMembers: "Weitere: {count}",
  offline: "offline",
  you: "dieser Computer",
  noNetworks: "Noch kein Netz",
  waiting: "{name} möchte {network} beitreten",
  network: {
    off: "{network}: nicht verbunden",
    connecting: "{network}: wird verbunden",
    connected: "{network}: verbunden",
    refused: "{network}: der Gastgeber hat abgelehnt",
    attention: "{network}: braucht Aufmerksamkeit",
  },
  service: {
    connecting: "Der Dienst wird gesucht",
    running: "Der Dienst läuft",
    restarting: "Der Dienst startet neu",
    stopped: "Der Dienst läuft nicht",
    missing: "Der Dienst ist nicht installiert",
    mismatch: "Dienst und App haben verschiedene Versionen",
    refused: "Der Dienst lässt Sie nicht zu",
    untrusted: "Was da antwortet, ist nicht der Dienst des Systems",
  },
  act: {
    install: "Dienst installieren",
    start: "Dienst starten",
    restart: "Dienst neu starten",
    update: "Dienst aktualisieren",
    allow: "Mir den Dienst erlauben",
    remove: "Dienst entfernen",
  },
  notice: {
    connected: "{network} ist verbunden",
    refused: "Der Gastgeber von {network} hat abgelehnt",
    attention: "{network} braucht Aufmerksamkeit",
    request: "{name} möchte {network} beitreten",
    requestHint: "Öffnen Sie Castaway, um ja oder nein zu sagen.",
    serviceAway: "Der Castaway-Dienst ist nicht da",
    serviceBack: "Der Castaway-Dienst ist wieder da",
    linkCopied: "Der Einladungslink ist kopiert",
    linkCopiedHint: "Wer ihn hat, kann {network} beitreten: Verschicken Sie ihn wie einen Schlüssel.",
    failed: "Das hat nicht geklappt",
  },
};

const ar: Words = {
  open: "فتح Castaway",
  view: "عرض",
  quit: "إنهاء",
  quitAlone: "إنهاء (يبقى النفق متصلًا)",
  disconnectAndQuit: "قطع الاتصال والإنهاء",
  connect: "اتصال",
  connectNamed: "الاتصال بـ {network}",
  disconnect: "قطع الاتصال",
  disconnectNamed: "قطع الاتصال بـ {network}",
  copyInvite: "نسخ رابط دعوة",
  copyInviteNamed: "نسخ رابط دعوة إلى {network}",
  members: "أعضاء {network}: المتصلون {online} من {all}",
  moreMembers: "المزيد: {count}",
  offline: "غير متصل",
  you: "هذا الحاسوب",
  noNetworks: "لا شبكة بعد",
  waiting: "يريد {name} الانضمام إلى {network}",
  network: {
    off: "{network}: غير متصلة",
    connecting: "{network}: جارٍ الاتصال",
    connected: "{network}: متصلة",
    refused: "{network}: رفض المضيف",
    attention: "{network}: تحتاج إلى انتباهك",
  },
  service: {
    connecting: "جارٍ البحث عن الخدمة",
    running: "الخدمة تعمل",
    restarting: "الخدمة تُعيد التشغيل",
    stopped: "الخدمة متوقفة",
    missing: "الخدمة غير مثبَّتة",
    mismatch: "الخدمة والتطبيق من إصدارين مختلفين",
    refused: "لا يُسمح لك باستخدام الخدمة",
    untrusted: "المجيب ليس خدمة النظام",
  },
  act: {
    install: "تثبيت الخدمة",
    start: "تشغيل الخدمة",
    restart: "إعادة تشغيل الخدمة",
    update: "تحديث الخدمة",
    allow: "السماح لي باستخدام الخدمة",
    remove: "إزالة الخدمة",
  },
  notice: {
    connected: "اتصلت {network}",
    refused: "رفض مضيف {network}",
    attention: "{network} تحتاج إلى انتباهك",
    request: "يريد {name} الانضمام إلى {network}",
    requestHint: "افتح Castaway للقبول أو الرفض.",
    serviceAway: "خدمة Castaway غير موجودة",
    serviceBack: "عادت خدمة Castaway",
    linkCopied: "نُسخ رابط الدعوة",
    linkCopiedHint: "كل من يملكه يستطيع الانضمام إلى {network}: أرسله كما ترسل مفتاحًا.",
    failed: "لم ينجح ذلك",
  },
};

const WORDS: Readonly<Record<Language, Words>> = { en, de, ar };

export function wordsOf(language: Language): Words {
  return WORDS[language];
}

/** "{network}: connected" with its places filled. A value is never looked through for places itself. */
export function fill(text: string, values: Readonly<Record<string, string | number>>): string {
  return text.replaceAll(/\{(\w+)\}/g, (place, name: string) => String(values[name] ?? place));
}
