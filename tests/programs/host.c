/* A program in C with a Go runtime in each library that is named: lets all of them allocate, and dies. */
#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
	int i;

	for (i = 1; i < argc && argv[i][0] != '-'; i++) {
		void *library = dlopen(argv[i], RTLD_NOW | RTLD_LOCAL);
		int (*grow)(int, int) = library ? (int (*)(int, int))dlsym(library, "grow") : NULL;

		if (!grow) {
			fprintf(stderr, "%s\n", dlerror());
			return 1;
		}
		grow(1000 * i, 100);
	}
	puts("{}");
	fflush(stdout);
	abort();
}
