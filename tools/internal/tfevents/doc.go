// Package tfevents writes and reads TensorBoard's event files: scalars and PNG images by tag and step.
//
// A file is a sequence of records, each a length (8 bytes, little endian), a checksum of these 8 bytes, so many bytes, and their checksum. The
// checksums are CRC-32C, turned and shifted so that one of data that holds checksums is none of them [tfrecord]:
//
//	masked(x) = ((crc >> 15) | (crc << 17)) + 0xa282ead8
//
// The bytes of a record are an Event in the wire format of protocol buffers [event, summary]; the first of a file says brain.Event:2. The
// name of a file has the word tfevents in it, and files of a folder are one history in the order of their names.
//
// # References
//
//   - [tfrecord] TensorFlow, TFRecord and tf.train.Example, www.tensorflow.org/tutorials/load_data/tfrecord
//   - [event] tensorflow/core/util/event.proto
//   - [summary] tensorflow/core/framework/summary.proto
//
// # Decisions
//
//   - 2026-11: four messages of a stable format are written by hand, in a hundred lines; google.golang.org/protobuf with generated code would
//     be ten thousand. Histograms or the graph of a model would change our mind.
package tfevents
