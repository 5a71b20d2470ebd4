/** What Neobot is told by its environment. */

export type Config = {
  /** Where its databases are. */
  readonly folder: string;
  readonly port: number;
  readonly flowpaySecret: string;
  /** What the panel of the operators reads events with. */
  readonly panelToken: string;
  readonly whatsApp: { readonly url: string; readonly token: string };
  readonly factory: { readonly url: string; readonly apiKey: string; readonly secret: string };
};

export function configFrom(env: Readonly<Record<string, string | undefined>>): Config {
  const needed = (name: string): string => {
    const value = env[name];
    if (value === undefined || value === '') throw new Error(`${name} is not set`);
    return value;
  };
  return {
    folder: env.NEOBOT_FOLDER ?? '.',
    port: Number(env.PORT ?? 3000),
    flowpaySecret: needed('FLOWPAY_SECRET'),
    panelToken: needed('PANEL_TOKEN'),
    whatsApp: { url: needed('WHATSAPP_URL'), token: needed('WHATSAPP_TOKEN') },
    factory: {
      url: needed('FACTORY_URL'),
      apiKey: needed('FACTORY_API_KEY'),
      secret: needed('FACTORY_SECRET'),
    },
  };
}
