/** NestJS on Express: mounted on the application, before Nest adds its body parsers. */
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestExpressApplication } from '@nestjs/platform-express';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { BASE_PATH, type StartHost } from './host.js';

class OwnController {
  own(): string {
    return 'the host';
  }
}
// The decorators as calls, so that no compiler option is needed.
Controller()(OwnController);
Get('own')(OwnController.prototype, 'own', Object.getOwnPropertyDescriptor(OwnController.prototype, 'own')!);

class AppModule {
  readonly name = 'own';
}
Module({ controllers: [OwnController] })(AppModule);

export const startNestExpress: StartHost = async (nexus) => {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
  const app = await NestFactory.create<NestExpressApplication>(AppModule, { logger: false });
  app.use(BASE_PATH, createHttpHandler(nexus));
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(app.getHttpServer());
  await app.listen(0, '127.0.0.1');
  return { origin: await app.getUrl(), close: () => app.close() };
};
