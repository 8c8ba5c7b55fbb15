/* A program that is not written in Go: it prints a line and waits for its end, or dies. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char *block = malloc(1 << 20);

	if (!block)
		return 1;
	memset(block, 1, 1 << 20);
	puts("{\"Version\":\"C\"}");
	fflush(stdout);
	if (argc > 2 && !strcmp(argv[1], "-end") && !strcmp(argv[2], "abort"))
		abort();
	sleep(600);
	free(block);
	return 0;
}
