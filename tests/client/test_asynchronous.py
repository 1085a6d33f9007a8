import asyncio
from pathlib import Path

import numpy as np
import pytest

from mmerc.client import AsyncClient, ServiceError
from mmerc.client import messages as client_messages
from tests.client.service import run_service
from tests.media.clips import write_video


def test_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_messages, "POLL_SECONDS", 0.01)
    clip = write_video(tmp_path / "clip.mp4")

    async def use(url: str) -> None:
        async with AsyncClient(url) as client:
            found = await asyncio.gather(*(client.predict_utterance(clip, text="We won!") for _ in range(3)))
            assert {each.emotion for each in found} == {found[0].emotion} and found[0].modalities[0] == "text"
            assert [each.dialogue for each in await client.predict_recording(clip)] == ["clip"]
            job = await client.start_recording(clip)
            await client.cancel_job(job.id)
            assert (await client.get_model()).name
            with pytest.raises(ServiceError, match="there is no such job"):
                await client.get_job("none")
            async with client.stream(segmentation="client", interim=False) as stream:
                assert (await stream.receive(10))["type"] == "ready"
                await stream.send_sound(np.zeros(8000, np.int16))
                await stream.send_image(b"no picture")
                await stream.send_text("We won!")
                await stream.end_utterance()
                assert (await stream.receive(10))["text"] == "We won!"
                await stream.enrol("Bo")
                with pytest.raises(ServiceError, match="the speakers of this stream are not told apart"):
                    await stream.receive(10)
                await stream.stop()
                assert [message async for message in stream] == []

    with run_service() as url:
        asyncio.run(use(url))
