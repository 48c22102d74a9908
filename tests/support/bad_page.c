/* A disk with one page that cannot be read, for a program that is started with this library preloaded.
 *
 * EKV_BAD_FILE   the file, as an absolute path without links
 * EKV_BAD_AT     offset of the page
 * EKV_BAD_LOG    every refused read appends a line to this file
 * EKV_BAD_MAP    "refuse": the file cannot be mapped at all; else touching the page in a mapping raises SIGBUS
 *
 * Reads that begin before the page end at it; reads that begin in it fail with EIO. The kernel does the same. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <unistd.h>

#define PAGE 4096

static off_t bad_at(void) { return strtoll(getenv("EKV_BAD_AT"), NULL, 10); }

static int is_bad(int fd) {
  const char *wanted = getenv("EKV_BAD_FILE");
  char link[64], path[4096];
  int saved = errno;
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  ssize_t len = wanted && fd >= 0 ? readlink(link, path, sizeof path - 1) : -1;
  errno = saved;
  if (len < 0) return 0;
  path[len] = 0;
  return strcmp(path, wanted) == 0;
}

/* How many of `n` bytes from `at` can be read; -1 when not even the first one. */
static ssize_t readable(size_t n, off_t at) {
  off_t bad = bad_at();
  if (at >= bad && at < bad + PAGE) {
    int log = open(getenv("EKV_BAD_LOG"), O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (log >= 0) {
      dprintf(log, "%lld\n", (long long)at);
      close(log);
    }
    errno = EIO;
    return -1;
  }
  return at < bad && (off_t)n > bad - at ? bad - at : (ssize_t)n;
}

ssize_t pread64(int fd, void *to, size_t n, off64_t at) {
  static ssize_t (*real)(int, void *, size_t, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "pread64");
  if (n > 0 && is_bad(fd)) {
    ssize_t some = readable(n, at);
    if (some < 0) return -1;
    n = some;
  }
  return real(fd, to, n, at);
}

ssize_t read(int fd, void *to, size_t n) {
  static ssize_t (*real)(int, void *, size_t);
  if (!real) real = dlsym(RTLD_NEXT, "read");
  if (n > 0 && is_bad(fd)) {
    ssize_t some = readable(n, lseek(fd, 0, SEEK_CUR));
    if (some < 0) return -1;
    n = some;
  }
  return real(fd, to, n);
}

void *mmap64(void *addr, size_t len, int prot, int flags, int fd, off64_t at) {
  static void *(*real)(void *, size_t, int, int, int, off64_t);
  if (!real) real = dlsym(RTLD_NEXT, "mmap64");
  if (fd < 0 || !is_bad(fd)) return real(addr, len, prot, flags, fd, at);
  const char *how = getenv("EKV_BAD_MAP");
  if (how && strcmp(how, "refuse") == 0) {
    errno = ENODEV;
    return MAP_FAILED;
  }
  void *map = real(addr, len, prot, flags, fd, at);
  off_t bad = bad_at();
  if (map != MAP_FAILED && bad >= at && (size_t)(bad - at) < len) {
    /* A page of an empty file: touching it raises SIGBUS, and a call that fills pages says EFAULT. */
    int empty = memfd_create("bad page", MFD_CLOEXEC);
    real((char *)map + (bad - at), PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, empty, 0);
    close(empty);
  }
  return map;
}

void *mmap(void *addr, size_t len, int prot, int flags, int fd, off_t at) {
  return mmap64(addr, len, prot, flags, fd, at);
}
