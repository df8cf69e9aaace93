/* For LD_PRELOAD: fails calls on one kind of file. The control file holds "<call> <end of the path> <errno>", such as
   "write -wal 122"; while it is absent or empty, nothing fails. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static int fails(const char *call, int file) {
  const char *control = getenv("FAIL_CALLS");
  if (control == NULL) return 0;
  long handle = syscall(SYS_openat, AT_FDCWD, control, O_RDONLY);
  if (handle < 0) return 0;
  char text[200] = {0}, wanted[20], end[100], link[40], path[4096] = {0};
  int code;
  long size = syscall(SYS_read, handle, text, sizeof text - 1);
  syscall(SYS_close, handle);
  if (size <= 0 || sscanf(text, "%19s %99s %d", wanted, end, &code) != 3 || strcmp(wanted, call) != 0) return 0;
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  long length = syscall(SYS_readlinkat, AT_FDCWD, link, path, sizeof path - 1);
  if (length < (long)strlen(end) || strcmp(path + length - strlen(end), end) != 0) return 0;
  errno = code;
  return 1;
}

#define REAL(type, name, ...) \
  static type (*real)(__VA_ARGS__); \
  if (real == NULL) real = (type(*)(__VA_ARGS__))dlsym(RTLD_NEXT, name)

ssize_t write(int file, const void *data, size_t size) {
  REAL(ssize_t, "write", int, const void *, size_t);
  return fails("write", file) ? -1 : real(file, data, size);
}

ssize_t pwrite(int file, const void *data, size_t size, off_t offset) {
  REAL(ssize_t, "pwrite", int, const void *, size_t, off_t);
  return fails("write", file) ? -1 : real(file, data, size, offset);
}

ssize_t pwrite64(int file, const void *data, size_t size, off64_t offset) {
  REAL(ssize_t, "pwrite64", int, const void *, size_t, off64_t);
  return fails("write", file) ? -1 : real(file, data, size, offset);
}

int fsync(int file) {
  REAL(int, "fsync", int);
  return fails("sync", file) ? -1 : real(file);
}

int fdatasync(int file) {
  REAL(int, "fdatasync", int);
  return fails("sync", file) ? -1 : real(file);
}
