package dev.timerd.conformance;

/** What is not as a case says. */
class Failure extends RuntimeException {
  Failure(String format, Object... arguments) {
    super(String.format(format, arguments));
  }
}
