-- The books: the journal as written, its transactions and entries, and how the accounts stand. Amounts are minor units.

CREATE TABLE raw.ledger_journal (
    event_id text PRIMARY KEY,
    book text NOT NULL,
    merchant_id text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    schema text NOT NULL,
    seq bigint NOT NULL,
    prev_hash text NOT NULL,
    transaction_id text,
    occurred_at timestamptz NOT NULL,
    mode text NOT NULL,
    cell text NOT NULL,
    clock_id text NOT NULL,
    causation_id text NOT NULL,
    correlation_id text NOT NULL,
    actor_role text NOT NULL,
    actor_principal text NOT NULL,
    actor_key_id text,
    body jsonb NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ledger_journal_by_book ON raw.ledger_journal (book, version);
CREATE INDEX ledger_journal_by_seq ON raw.ledger_journal (_partition, seq);
CREATE INDEX ledger_journal_by_transaction ON raw.ledger_journal (transaction_id);
COMMENT ON TABLE raw.ledger_journal IS 'Every record of ledger.journal.v1, in the order and chain of its partition';
COMMENT ON COLUMN raw.ledger_journal.event_id IS 'Id of the record, the same for every copy of it';
COMMENT ON COLUMN raw.ledger_journal.book IS 'Book it is written in: the part after the prefix of the merchant id';
COMMENT ON COLUMN raw.ledger_journal.merchant_id IS 'Merchant whose book it is';
COMMENT ON COLUMN raw.ledger_journal.version IS 'Position in the book: 1, 2, ...';
COMMENT ON COLUMN raw.ledger_journal.type IS 'Name of the record, such as TransactionPosted';
COMMENT ON COLUMN raw.ledger_journal.schema IS 'Name and version of its schema, such as TransactionPosted.v1';
COMMENT ON COLUMN raw.ledger_journal.seq IS 'Position in its partition of the journal: 1, 2, ...';
COMMENT ON COLUMN raw.ledger_journal.prev_hash IS
    'SHA-256 of the record before it in the partition, hexadecimal; zeros for the first';
COMMENT ON COLUMN raw.ledger_journal.transaction_id IS 'Transaction it posts or refuses; null for what a merchant agreed to';
COMMENT ON COLUMN raw.ledger_journal.occurred_at IS 'When it occurred, on the clock clock_id';
COMMENT ON COLUMN raw.ledger_journal.mode IS 'test or live';
COMMENT ON COLUMN raw.ledger_journal.cell IS 'Cell it occurred in';
COMMENT ON COLUMN raw.ledger_journal.clock_id IS 'wall, or the test clock it occurred on';
COMMENT ON COLUMN raw.ledger_journal.causation_id IS 'Id of the message that caused it';
COMMENT ON COLUMN raw.ledger_journal.correlation_id IS 'Request id of the API call at the start of the chain';
COMMENT ON COLUMN raw.ledger_journal.actor_role IS 'Who initiated: merchant, operator, provider or system';
COMMENT ON COLUMN raw.ledger_journal.actor_principal IS 'Id of the one who initiated';
COMMENT ON COLUMN raw.ledger_journal.actor_key_id IS 'API key that was used';
COMMENT ON COLUMN raw.ledger_journal.body IS 'The record; hashes in it are hexadecimal';
COMMENT ON COLUMN raw.ledger_journal._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN raw.ledger_journal._version IS 'Version of the book after that record';
COMMENT ON COLUMN raw.ledger_journal._topic IS 'Topic of that event';
COMMENT ON COLUMN raw.ledger_journal._partition IS 'Partition of that event';
COMMENT ON COLUMN raw.ledger_journal._offset IS 'Offset of that event';
COMMENT ON COLUMN raw.ledger_journal._event_at IS 'When that event occurred';
COMMENT ON COLUMN raw.ledger_journal._loaded_at IS 'When this row was written';

CREATE TABLE mart.ledger_transactions (
    transaction_id text PRIMARY KEY,
    type text NOT NULL,
    reference_id text NOT NULL,
    payment_id text NOT NULL,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    status text NOT NULL,
    seq bigint NOT NULL,
    provider text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    terms_version integer NOT NULL,
    available_at timestamptz,
    created_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ledger_transactions_by_payment ON mart.ledger_transactions (payment_id);
CREATE INDEX ledger_transactions_by_merchant ON mart.ledger_transactions (merchant_id, created_at);
COMMENT ON TABLE mart.ledger_transactions IS 'Every transaction the ledger posted; its legs are in mart.ledger_entries';
COMMENT ON COLUMN mart.ledger_transactions.transaction_id IS 'Id of the transaction';
COMMENT ON COLUMN mart.ledger_transactions.type IS 'Entry template it follows';
COMMENT ON COLUMN mart.ledger_transactions.reference_id IS 'Operation it is about: auth_, cap_, void_ or ref_';
COMMENT ON COLUMN mart.ledger_transactions.payment_id IS 'Payment it is about';
COMMENT ON COLUMN mart.ledger_transactions.merchant_id IS 'Merchant whose book it is in';
COMMENT ON COLUMN mart.ledger_transactions.mode IS 'test or live';
COMMENT ON COLUMN mart.ledger_transactions.status IS 'posted; a correction is another transaction';
COMMENT ON COLUMN mart.ledger_transactions.seq IS 'Position of its record in its partition of the journal';
COMMENT ON COLUMN mart.ledger_transactions.provider IS 'Provider that moved or moves the money';
COMMENT ON COLUMN mart.ledger_transactions.amount_minor IS 'Amount it is about, in minor units of currency';
COMMENT ON COLUMN mart.ledger_transactions.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.ledger_transactions.terms_version IS 'Number of the merchant terms it was posted under';
COMMENT ON COLUMN mart.ledger_transactions.available_at IS 'Of a capture: when its net becomes available to the merchant';
COMMENT ON COLUMN mart.ledger_transactions.created_at IS 'When it was posted';
COMMENT ON COLUMN mart.ledger_transactions._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.ledger_transactions._version IS 'Version of the book after that record';
COMMENT ON COLUMN mart.ledger_transactions._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.ledger_transactions._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.ledger_transactions._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.ledger_transactions._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.ledger_transactions._loaded_at IS 'When this row was written';

CREATE TABLE mart.ledger_entries (
    entry_id text PRIMARY KEY,
    transaction_id text NOT NULL,
    account_id text NOT NULL,
    direction text NOT NULL,
    phase text NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    created_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ledger_entries_by_transaction ON mart.ledger_entries (transaction_id);
CREATE INDEX ledger_entries_by_account ON mart.ledger_entries (account_id, created_at);
COMMENT ON TABLE mart.ledger_entries IS 'Every leg of every posted transaction; per currency and phase, debits equal credits';
COMMENT ON COLUMN mart.ledger_entries.entry_id IS 'Id of the transaction, a colon and the number of the leg from 1';
COMMENT ON COLUMN mart.ledger_entries.transaction_id IS 'Transaction it is a leg of';
COMMENT ON COLUMN mart.ledger_entries.account_id IS 'Account it is on; see mart.balances';
COMMENT ON COLUMN mart.ledger_entries.direction IS 'debit or credit';
COMMENT ON COLUMN mart.ledger_entries.phase IS 'posted moves money; pending announces it; released takes an announcement back';
COMMENT ON COLUMN mart.ledger_entries.amount_minor IS 'Amount above zero, in minor units of currency';
COMMENT ON COLUMN mart.ledger_entries.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.ledger_entries.merchant_id IS 'Merchant whose book the transaction is in';
COMMENT ON COLUMN mart.ledger_entries.mode IS 'test or live';
COMMENT ON COLUMN mart.ledger_entries.created_at IS 'When the transaction was posted';
COMMENT ON COLUMN mart.ledger_entries._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.ledger_entries._version IS 'Version of the book after that record';
COMMENT ON COLUMN mart.ledger_entries._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.ledger_entries._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.ledger_entries._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.ledger_entries._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.ledger_entries._loaded_at IS 'When this row was written';

CREATE TABLE mart.ledger_refusals (
    transaction_id text PRIMARY KEY,
    command text NOT NULL,
    outcome text NOT NULL,
    reference_id text NOT NULL,
    payment_id text NOT NULL,
    merchant_id text NOT NULL,
    mode text NOT NULL,
    seq bigint NOT NULL,
    amount_minor bigint NOT NULL,
    currency text NOT NULL,
    refused_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX ledger_refusals_by_payment ON mart.ledger_refusals (payment_id);
COMMENT ON TABLE mart.ledger_refusals IS 'Every posting the ledger refused; no balance changed';
COMMENT ON COLUMN mart.ledger_refusals.transaction_id IS 'Id the transaction would have had';
COMMENT ON COLUMN mart.ledger_refusals.command IS 'What was asked, such as ReserveRefund';
COMMENT ON COLUMN mart.ledger_refusals.outcome IS 'Code of the outcome';
COMMENT ON COLUMN mart.ledger_refusals.reference_id IS 'Operation it is about';
COMMENT ON COLUMN mart.ledger_refusals.payment_id IS 'Payment it is about';
COMMENT ON COLUMN mart.ledger_refusals.merchant_id IS 'Merchant whose book it is';
COMMENT ON COLUMN mart.ledger_refusals.mode IS 'test or live';
COMMENT ON COLUMN mart.ledger_refusals.seq IS 'Position of its record in its partition of the journal';
COMMENT ON COLUMN mart.ledger_refusals.amount_minor IS 'Amount asked for, in minor units of currency';
COMMENT ON COLUMN mart.ledger_refusals.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.ledger_refusals.refused_at IS 'When it was refused';
COMMENT ON COLUMN mart.ledger_refusals._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.ledger_refusals._version IS 'Version of the book after that record';
COMMENT ON COLUMN mart.ledger_refusals._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.ledger_refusals._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.ledger_refusals._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.ledger_refusals._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.ledger_refusals._loaded_at IS 'When this row was written';

CREATE TABLE mart.balances (
    account_id text PRIMARY KEY,
    code integer NOT NULL,
    kind text NOT NULL,
    owner text,
    merchant_id text,
    shard integer,
    currency text NOT NULL,
    mode text NOT NULL,
    debits_pending_minor bigint NOT NULL,
    debits_posted_minor bigint NOT NULL,
    credits_pending_minor bigint NOT NULL,
    credits_posted_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    seq bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX balances_by_merchant ON mart.balances (merchant_id, code) WHERE merchant_id IS NOT NULL;
CREATE INDEX balances_by_code ON mart.balances (code, currency);
COMMENT ON TABLE mart.balances IS 'Every account as its last transaction left it; a platform account is one row per partition';
COMMENT ON COLUMN mart.balances.account_id IS 'Id of the account, its shard included';
COMMENT ON COLUMN mart.balances.code IS 'Code of the chart: 1xxx assets, 2xxx liabilities, 4xxx income, 5xxx expenses';
COMMENT ON COLUMN mart.balances.kind IS 'Name of the chart, such as merchant.available';
COMMENT ON COLUMN mart.balances.owner IS 'Merchant or provider it belongs to; null for the platform';
COMMENT ON COLUMN mart.balances.merchant_id IS 'Merchant it belongs to; null for accounts of the platform and of providers';
COMMENT ON COLUMN mart.balances.shard IS 'Partition of an account that is kept per partition; null where there is one account';
COMMENT ON COLUMN mart.balances.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.balances.mode IS 'test or live';
COMMENT ON COLUMN mart.balances.debits_pending_minor IS 'Debits announced and neither posted nor released';
COMMENT ON COLUMN mart.balances.debits_posted_minor IS 'Debits posted';
COMMENT ON COLUMN mart.balances.credits_pending_minor IS 'Credits announced and neither posted nor released';
COMMENT ON COLUMN mart.balances.credits_posted_minor IS 'Credits posted';
COMMENT ON COLUMN mart.balances.balance_minor IS
    'Posted balance on the normal side: debits less credits for codes 1xxx and 5xxx, else credits less debits';
COMMENT ON COLUMN mart.balances.seq IS 'Position in its partition of the journal of the last transaction that touched it';
COMMENT ON COLUMN mart.balances.updated_at IS 'When that transaction was posted';
COMMENT ON COLUMN mart.balances._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.balances._version IS 'The same as seq: an account lives in one partition, whose journal counts on';
COMMENT ON COLUMN mart.balances._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.balances._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.balances._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.balances._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.balances._loaded_at IS 'When this row was written';

CREATE TABLE mart.platform_totals (
    account_id text PRIMARY KEY,
    code integer NOT NULL,
    kind text NOT NULL,
    currency text NOT NULL,
    mode text NOT NULL,
    debits_posted_minor bigint NOT NULL,
    credits_posted_minor bigint NOT NULL,
    balance_minor bigint NOT NULL,
    watermark_at timestamptz NOT NULL,
    version bigint NOT NULL,
    updated_at timestamptz NOT NULL,
    _event_id text NOT NULL,
    _version bigint NOT NULL,
    _topic text NOT NULL,
    _partition integer NOT NULL,
    _offset bigint NOT NULL,
    _event_at timestamptz NOT NULL,
    _loaded_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE mart.platform_totals IS 'Accounts of the platform and of providers over all their partitions';
COMMENT ON COLUMN mart.platform_totals.account_id IS 'Id of the account, without shard';
COMMENT ON COLUMN mart.platform_totals.code IS 'Code of the chart';
COMMENT ON COLUMN mart.platform_totals.kind IS 'Name of the chart, such as fee.processing';
COMMENT ON COLUMN mart.platform_totals.currency IS 'ISO 4217 code; see meta.currencies';
COMMENT ON COLUMN mart.platform_totals.mode IS 'test or live';
COMMENT ON COLUMN mart.platform_totals.debits_posted_minor IS 'Debits posted, over all partitions';
COMMENT ON COLUMN mart.platform_totals.credits_posted_minor IS 'Credits posted, over all partitions';
COMMENT ON COLUMN mart.platform_totals.balance_minor IS 'Balance on the normal side, as in mart.balances';
COMMENT ON COLUMN mart.platform_totals.watermark_at IS 'Everything that was posted up to this time is counted';
COMMENT ON COLUMN mart.platform_totals.version IS 'Number of changes of the total';
COMMENT ON COLUMN mart.platform_totals.updated_at IS 'When it last changed';
COMMENT ON COLUMN mart.platform_totals._event_id IS 'Id of the event this row was last written from';
COMMENT ON COLUMN mart.platform_totals._version IS 'Version of the aggregate after that event; 0 where the event has none';
COMMENT ON COLUMN mart.platform_totals._topic IS 'Topic of that event';
COMMENT ON COLUMN mart.platform_totals._partition IS 'Partition of that event';
COMMENT ON COLUMN mart.platform_totals._offset IS 'Offset of that event';
COMMENT ON COLUMN mart.platform_totals._event_at IS 'When that event occurred';
COMMENT ON COLUMN mart.platform_totals._loaded_at IS 'When this row was written';
