/*
 * @name@: says a text several times. A plugin of awaitd that runs its jobs in the @style@ style; make this
 * example your own. All that may be called is told in awaitd/plugin.h.
 */
