package data

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// ReadFolder reads all image files under a folder, as [Files] are. Where they lie in subfolders, the first of a file's folders is its class: the
// label is its number if every such folder's name is one, and otherwise its rank among the names.
func ReadFolder(dir string) (*Images, error) {
	f, err := OpenFolder(dir)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	m := &Images{N: len(f.Names), H: f.H, W: f.W, C: f.C}
	if m.Labels, m.Classes, err = classes(f.Names); err != nil {
		return nil, fmt.Errorf("%s: %w", dir, err)
	}
	if int64(m.N)*int64(m.H*m.W*m.C) > maxPixels {
		return nil, fmt.Errorf("%s: %d images of (%d,%d) are too many", dir, m.N, m.H, m.W)
	}
	m.Pixels = make([]uint8, m.N*m.H*m.W*m.C)
	for i := range m.N {
		if err := f.Decode(m.Image(i), i); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// classes derives labels and their names from paths; both are nil if no file lies in a subfolder.
func classes(files []string) (labels []int, names []string, err error) {
	folders := make([]string, len(files))
	for i, file := range files {
		folder, _, inside := strings.Cut(file, "/")
		if !inside {
			folder = ""
		}
		folders[i] = folder
	}
	names = slices.Compact(slices.Sorted(slices.Values(folders)))
	if names[0] == "" {
		if len(names) > 1 {
			return nil, nil, errors.New("images lie both in the folder and in its subfolders: are those classes?")
		}
		return nil, nil, nil
	}

	label := make(map[string]int, len(names))
	for rank, name := range names {
		label[name] = rank
	}
	if numbers := parseAll(names); numbers != nil {
		for rank, name := range names {
			label[name] = numbers[rank]
		}
		names = nil
	}
	labels = make([]int, len(files))
	for i, folder := range folders {
		labels[i] = label[folder]
	}
	return labels, names, nil
}

// parseAll is the names as numbers, or nil if one is none.
func parseAll(names []string) []int {
	var numbers []int
	for _, name := range names {
		n, err := strconv.ParseUint(name, 10, 31)
		if err != nil {
			return nil
		}
		numbers = append(numbers, int(n))
	}
	return numbers
}
