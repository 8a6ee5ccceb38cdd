package plan

// largest is the largest microbatch that fits, up to all of the share, from what the job's own takes. Memory grows about in a straight line, so
// that a few dry runs find it.
func (j *Job) largest(own Memory) (int, error) {
	free, share := j.Machine.Free, j.share()
	known := map[int]bool{own.Micro: own.Total <= free}
	try := func(n int) (ok bool, err error) {
		if ok, is := known[n]; is {
			return ok, nil
		}
		return j.fits(n)
	}
	if ok, err := try(1); !ok {
		return 0, err
	}
	low := 1 // fits
	if known[own.Micro] {
		low = own.Micro
	}
	high := share + 1 // does not
	if !known[own.Micro] {
		high = own.Micro
	}
	for step := low; low+1 < high; { // double, then halve what is between
		n := min(low+step, share)
		if high <= share {
			n = (low + high) / 2
			if close := max(1, low/16); high-low <= close { // near enough for a choice of --microbatch
				break
			}
		}
		ok, err := try(n)
		switch {
		case err != nil:
			return 0, err
		case ok:
			low, step = n, 2*step
			if n == share {
				return low, nil
			}
		default:
			high = n
		}
	}
	return low, nil
}
