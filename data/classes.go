package data

import (
	"log/slog"
	"strings"
)

// warnOfClasses logs which classes of a split have no image, and which have only one to learn from.
func warnOfClasses(set, split string, classes []string, counts []int) {
	problems := []string{"classes without an image", "classes with a single image"}
	if split == test {
		problems = problems[:1]
	}
	for n, problem := range problems {
		var names []string
		for c, count := range counts {
			if count == n {
				names = append(names, classes[c])
			}
		}
		if len(names) > 0 {
			slog.Warn(problem, "set", set, "split", split, "classes", len(names), "such as", strings.Join(names[:min(len(names), 3)], ", "))
		}
	}
}
