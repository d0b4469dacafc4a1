// SPDX-License-Identifier: Apache-2.0
// Reads a global stream from any DC's copy and keeps its place with its state: docs/consumers.md.
// java -cp JARS Reader.java STREAM BROKERS STATE [uncommitted]   counts events, until all is read
import java.nio.file.*;
import java.time.Duration;
import java.util.*;
import org.apache.kafka.clients.consumer.*;
import org.apache.kafka.common.TopicPartition;

class Reader {
    static String header(ConsumerRecord<byte[], byte[]> record, String name) {
        var header = record.headers().lastHeader(name);
        return header == null ? "" : new String(header.value());
    }
    static void save(Path file, Properties state) throws Exception { // place and state in one step
        Path fresh = Path.of(file + ".new");
        try (var out = Files.newOutputStream(fresh)) { state.store(out, null); }
        Files.move(fresh, file, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
    }
    static void take(Properties state, ConsumerRecord<byte[], byte[]> record) {
        String status = header(record, "braid-status").split(":")[0];
        if (status.equals("canary")) return;
        if (status.equals("redaction")) // forget what earlier records of this page showed
            state.merge("redacted", record.key() == null ? "-" : new String(record.key()), (a, b) -> a + " " + b);
        state.merge(status, "1", (a, b) -> "" + (Long.parseLong((String) a) + 1));
    }
    public static void main(String[] args) throws Exception {
        var state = new Properties();
        Path file = Path.of(args[2]);
        if (Files.exists(file)) try (var in = Files.newInputStream(file)) { state.load(in); }
        long before = Long.parseLong(state.getProperty("seq", "-1")), last = before;
        var bytes = org.apache.kafka.common.serialization.ByteArrayDeserializer.class;
        var part = new TopicPartition("global." + args[0], 0);
        try (var consumer = new KafkaConsumer<byte[], byte[]>(Map.of("bootstrap.servers", args[1],
                "auto.offset.reset", "none", "enable.auto.commit", false,
                "isolation.level", args.length > 3 ? "read_uncommitted" : "read_committed",
                "key.deserializer", bytes, "value.deserializer", bytes))) {
            consumer.assign(List.of(part));
            long end = consumer.endOffsets(List.of(part)).get(part);
            // offsets differ from DC to DC; sequence numbers and times do not
            var at = last < 0 ? null : consumer.offsetsForTimes(
                Map.of(part, Long.parseLong(state.getProperty("time")))).get(part);
            consumer.seek(part, last < 0 ? consumer.beginningOffsets(List.of(part)).get(part)
                                         : at == null ? end : at.offset());
            while (consumer.position(part) < end) { // a service would go on
                for (var record : consumer.poll(Duration.ofSeconds(1))) {
                    String text = header(record, "braid-seq");
                    long seq = text.isEmpty() ? -1 : Long.parseLong(text); // -1: not Braid's
                    if (seq <= last) continue; // read before, or written again after a fault
                    if (last >= 0 && seq > last + 1) throw new Exception((last + 1) + " is gone: retention has passed");
                    take(state, record);
                    last = seq;
                    state.putAll(Map.of("seq", "" + seq, "time", "" + record.timestamp()));
                }
            }
        }
        save(file, state); // a service saves every so often
        System.out.println(new TreeMap<>(state) + " was behind by " + (last - before)); // offsets have gaps
    }
}
