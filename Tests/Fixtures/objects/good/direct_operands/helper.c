int words[8] = {1, 2, 3, 4, 5, 6, 7, 8}, counter = 1;
double ratio = 2.5;
float weights[4] = {1, 2, 3, 4};
long double wide = 0.25L;
unsigned char flag;
struct pair { long a, b; } pair = {5, 6};
int library_sum(void) {
  int s = counter + flag * 3 + (int)(ratio * 4) + (int)(wide * 8) + (int)pair.a + 2 * (int)pair.b;
  for (int i = 0; i < 8; i++) s = s * 3 + words[i];
  for (int i = 0; i < 4; i++) s += (int)(weights[i] * 16);
  return s;
}
