/** The part of a logger that is used. */

/** The part of a pino logger that is used. */
export interface LoggerLike {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
  /** Asked before a line is made that most hosts do not log, so that it costs nothing. @default all levels are */
  isLevelEnabled?(level: string): boolean;
  child?(bindings: Record<string, unknown>): LoggerLike;
}
