/** NestJS on Fastify: the plugin is registered with the instance below Nest. */
import 'reflect-metadata';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { fastifyNexus, type FastifyLike } from '@neo-protocol/nexus/fastify';
import { createHttpHandler } from '@neo-protocol/nexus/http';
import { createWebSocketHandler } from '@neo-protocol/nexus/ws';
import { BASE_PATH, type StartHost } from './host.js';

class OwnController {
  own(): string {
    return 'the host';
  }
}
Controller()(OwnController);
Get('own')(OwnController.prototype, 'own', Object.getOwnPropertyDescriptor(OwnController.prototype, 'own')!);

class AppModule {
  readonly name = 'own';
}
Module({ controllers: [OwnController] })(AppModule);

export const startNestFastify: StartHost = async (nexus) => {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- Nest declares its options as a class
  const app = await NestFactory.create<NestFastifyApplication>(AppModule, new FastifyAdapter(), {
    logger: false,
  });
  const plugin = fastifyNexus(createHttpHandler(nexus));
  await app.register((instance, options, done) => plugin(instance as unknown as FastifyLike, options, done), {
    prefix: BASE_PATH,
  });
  createWebSocketHandler(nexus, { path: `${BASE_PATH}/ws` }).attach(app.getHttpServer());
  await app.listen(0, '127.0.0.1');
  return { origin: await app.getUrl(), close: () => app.close() };
};
