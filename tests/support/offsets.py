"""What a group has committed, asked of Kafka with a plain client."""

from __future__ import annotations

from aiokafka.admin import AIOKafkaAdminClient


async def committed_by(group: str, kafka: str) -> dict[tuple[str, int], int]:
    """Topic and partition -> the offset that the group committed last, where it committed any."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka)
    await admin.start()
    try:
        offsets = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    return {(*partition,): found.offset for partition, found in offsets.items() if found.offset >= 0}
