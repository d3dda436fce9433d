#ifndef OPTIONS_H
#define OPTIONS_H

struct options {
  int level;
  explicit options(int level);
  explicit options(char letter) : level(letter - 'a') {}
};

struct config {
  options inside;
  int last;
  explicit config(int level) : inside(level), last(level + 1) {}
};

#endif
