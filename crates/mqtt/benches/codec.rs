//! What a packet and a match cost: decode, encode, fan-out, subscription index.
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at the first surprise"
)]

use std::hint::black_box;

use bytes::BytesMut;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use messina_mqtt::filter_tree::FilterTree;
use messina_mqtt::packet::{
    Codec, Delivery, Packet, PacketId, Publish, QoS, SharedPublish, Version,
};
use messina_mqtt::topic::{Topic, TopicFilter};

const PACKETS: usize = 64;

/// A reading of the demo: 1.2 kB, QoS 2.
fn reading() -> Publish {
    let mut publish = Publish::new(Topic::new("temperature").unwrap(), vec![b'1'; 1200]);
    publish.qos = QoS::ExactlyOnce;
    publish.packet_id = PacketId::new(7);
    publish
}

fn codec(criterion: &mut Criterion) {
    let packet = Packet::Publish(reading());
    let mut group = criterion.benchmark_group("publish");
    group.throughput(Throughput::Elements(PACKETS as u64));
    for version in [Version::V311, Version::V5] {
        let mut codec = Codec::device(version, u32::MAX);
        let mut bytes = BytesMut::new();
        for _ in 0..PACKETS {
            codec.encode(&packet, &mut bytes).unwrap();
        }
        group.bench_function(format!("decode {version:?}"), |bencher| {
            bencher.iter_batched(
                || bytes.clone(),
                |mut buffer| {
                    while let Some(packet) = codec.decode(&mut buffer).unwrap() {
                        black_box(&packet);
                    }
                    buffer
                },
                criterion::BatchSize::SmallInput,
            );
        });
        let mut out = BytesMut::with_capacity(bytes.len());
        group.bench_function(format!("encode {version:?}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                for _ in 0..PACKETS {
                    codec.encode(black_box(&packet), &mut out).unwrap();
                }
            });
        });
        let shared = SharedPublish::new(reading()).unwrap();
        let delivery = Delivery {
            topic_alias: None,
            qos: QoS::AtLeastOnce,
            retain: false,
            dup: false,
            packet_id: PacketId::new(9),
            subscription_ids: &[],
            expiry: None,
        };
        group.bench_function(format!("share {version:?}"), |bencher| {
            bencher.iter(|| {
                out.clear();
                for _ in 0..PACKETS {
                    codec
                        .encode_shared(black_box(&shared), &delivery, &mut out)
                        .unwrap();
                }
            });
        });
    }
    group.finish();
}

fn filter_tree(criterion: &mut Criterion) {
    let mut tree = FilterTree::new();
    for device in 0..20_000_u32 {
        let filter = TopicFilter::new(&format!("site/{}/device/{device}/+", device % 50)).unwrap();
        tree.insert(&filter, device, ());
    }
    tree.insert(&TopicFilter::new("site/#").unwrap(), 1, ());
    let topic = Topic::new("site/7/device/10007/temperature").unwrap();
    let filter = TopicFilter::new("site/7/device/10007/alarm").unwrap();
    let mut group = criterion.benchmark_group("filter tree of 20000");
    group.bench_function("match", |bencher| {
        bencher.iter(|| {
            let mut count = 0;
            tree.matches(black_box(&topic), |_, ()| count += 1);
            count
        });
    });
    group.bench_function("clone, insert, remove", |bencher| {
        bencher.iter(|| {
            let mut copy = tree.clone();
            copy.insert(&filter, 1, ());
            copy.remove(&filter, &1)
        });
    });
    group.finish();
}

criterion_group!(benches, codec, filter_tree);
criterion_main!(benches);
