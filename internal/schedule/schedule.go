// Package schedule tells the operating system how the threads of this process share the cores.
package schedule
